// What the hub promises, as thresholds: a promise that is broken once fails the run.
import { Counter } from 'k6/metrics';

const broken = new Counter('broken_promises');

const PROMISES = {
  slots: 'never more sessions active than there are slots',
  seq: 'seq counts up by one, from the snapshot on',
  opening: 'a first connect gets welcome, then snapshot',
  resume: 'who comes back with since hears each event that was missed once, and no gap',
  job_order: 'queued, running, final mask, done',
  position: 'who waits hears a position in the line that only shrinks, at most twice a second',
  progress: 'progress of a running job, 0 to 100, at most 20 times a second',
  stats: 'stats tell of every slot, at most once a second',
  mask: 'the final mask is a PNG of the size of its image, and the one that HTTP serves',
  result: 'the result is stored before done is sent',
  pong: 'a ping is answered',
  close: 'the socket of a session that is closed ends with 4404',
  no_errors: 'nothing fails that was asked for rightly',
  refusal: 'what must not come in is refused',
  in_time: 'everyone finishes',
};

// breaks notes that the hub broke a promise, and says how.
export function breaks(promise, how) {
  if (!(promise in PROMISES)) {
    throw new Error(`no such promise: ${promise}`);
  }
  broken.add(1, { promise });
  console.error(`broken: ${PROMISES[promise]}: ${how}`);
}

// promised has one threshold for each promise, so that the summary tells which was broken.
export function promised() {
  const thresholds = {};
  for (const promise of Object.keys(PROMISES)) {
    thresholds[`broken_promises{promise:${promise}}`] = ['count==0'];
  }
  return thresholds;
}

// Pace judges what may come so many times a second. The clock is this side's, so what the network held
// back and then let go at once must not count as too fast: only the long run is judged.
export class Pace {
  #perSecond;
  #since = Date.now();
  #count = 0;

  constructor(perSecond) {
    this.#perSecond = perSecond;
  }

  tooFast() {
    this.#count += 1;
    return this.#count > ((Date.now() - this.#since) / 1000) * this.#perSecond + 2;
  }
}
