// Who is active, as the sockets of all the users tell.
import { Trend } from 'k6/metrics';

import { breaks } from './promises.js';

// Sessions change places in one step of the server, but tell of it on two sockets, in no common order:
// only what is still so after this time was ever so on the server.
const SETTLED_MS = 500;

const activeAtOnce = new Trend('sessions_active_at_once');

export class Slots {
  #total;
  #owners = new Map(); // session id -> slot
  #timer = null;

  constructor(total) {
    this.#total = total;
  }

  // tell takes what a session is now.
  tell(session) {
    if (session.state === 'active') {
      this.#owners.set(session.id, session.slot);
    } else {
      this.#owners.delete(session.id);
    }
    if (this.#wrong() === null) {
      activeAtOnce.add(this.#owners.size);
      this.close();
    } else if (this.#timer === null) {
      this.#timer = setTimeout(() => {
        this.#timer = null;
        activeAtOnce.add(this.#owners.size);
        breaks('slots', this.#wrong());
      }, SETTLED_MS);
    }
  }

  close() {
    if (this.#timer !== null) {
      clearTimeout(this.#timer);
      this.#timer = null;
    }
  }

  #wrong() {
    const slots = [...this.#owners.values()];
    const sound = slots.every((slot) => Number.isInteger(slot) && slot >= 0 && slot < this.#total);
    if (sound && new Set(slots).size === slots.length) {
      return null;
    }
    return `${slots.length} sessions are active, in the slots ${slots} of ${this.#total}`;
  }
}
