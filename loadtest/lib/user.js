// User is one person: a session, its socket, and everything that the hub promised about what comes
// down that socket.
import { WebSocket } from 'k6/websockets';

import { readMask, pngSize, sameBytes } from './frames.js';
import { Caller, SOCKET_URL, createSession } from './hub.js';
import { Pace, breaks } from './promises.js';

const PING_EVERY_MS = 5000;
const CONNECTS = 5; // tries to hear the opening
const FINISHED = ['done', 'failed', 'cancelled'];

export class User {
  positions = 0; // position frames heard
  waited = false; // stood in the line at some time
  jobs = new Map(); // id -> {state, png, progress}

  #slots;
  #onStats;
  #stats = new Pace(1);
  #position = new Pace(2);
  #seq = null; // of the newest kept event; null before the snapshot
  #epoch = ''; // of the log that it counts in
  #entered = false; // has had a socket that told everything
  #welcomed = false;
  #place = Infinity; // in the line, heard last
  #awaited = new Map(); // id of a job -> what to call when it has ended
  #expected = 0; // jobs that were accepted
  #pings = { sent: 0, answered: 0 };

  // slots hears what the session is; onStats, when given, hears each stats frame.
  constructor(name, slots, onStats = null) {
    this.name = name;
    this.#slots = slots;
    this.#onStats = onStats;
    this.failed = new Promise((_, reject) => {
      this.fail = reject;
    });
    this.finished = Promise.race([
      this.failed,
      new Promise((resolve) => {
        this.finish = resolve;
      }),
    ]);
  }

  // enter creates the session and resolves when its socket has told everything that is so far.
  async enter() {
    const { session, token } = await createSession(this.name);
    this.id = session.id;
    this.caller = new Caller(token);
    await this.#arrive();
    this.#entered = true;
  }

  // drop cuts the socket without a word and comes back for what it has missed.
  async drop() {
    this.abandon();
    await this.#arrive();
  }

  async #arrive() {
    for (let i = 0; i < CONNECTS; i += 1) {
      if (await Promise.race([this.#connect(), this.failed])) {
        return;
      }
      this.abandon();
    }
    this.#breaks('opening', `no welcome and snapshot on ${CONNECTS} sockets`);
  }

  // connect opens a socket and answers whether it has told welcome and snapshot. k6 drops what comes in
  // between the handshake and its own open event; the first pong says that nothing more of it will come.
  #connect() {
    this.#welcomed = false;
    this.#pings = { sent: 0, answered: 0 };
    let url = SOCKET_URL;
    if (this.#entered) {
      url += `?since=${this.#seq}&epoch=${encodeURIComponent(this.#epoch)}`;
    } else {
      this.#seq = null;
    }
    const socket = new WebSocket(url, 'seghub.v1', { headers: this.caller.headers });
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    this.closed = new Promise((resolve) => {
      socket.onclose = (event) => {
        resolve(event.code);
        if (this.socket === socket) {
          clearInterval(this.pinging);
          this.fail(new Error(`${this.name}: the socket closed with code ${event.code}`));
        }
      };
    });
    // k6 calls every close code an error but 1000 and 1001; what comes of it is onclose's to judge.
    socket.onerror = (event) => console.debug(`${this.name}: ${event.error}`);
    socket.onmessage = (event) => {
      if (this.socket === socket) {
        this.#hear(event.data);
      }
    };
    socket.onopen = () => {
      this.pinging = setInterval(() => this.#ping(), PING_EVERY_MS);
      this.#ping();
      if (this.#onStats) {
        this.#send({ type: 'watch', stats: true });
      }
    };
    return new Promise((resolve) => {
      this.opened = resolve;
    });
  }

  // submit uploads one image and answers its jobs.
  async submit(image, model) {
    const { accepted, rejected } = await this.caller.upload(image, model);
    if (accepted.length !== 1 || rejected.length !== 0) {
      this.#breaks('no_errors', `${image.name}: ${JSON.stringify(rejected)}`);
    }
    this.#expected += accepted.length;
    this.#finishIfDone();
    return accepted;
  }

  // segment uploads one image and resolves when its job has ended.
  async segment(image, model) {
    const [{ id }] = await this.submit(image, model);
    const known = this.jobs.get(id);
    if (!known || !FINISHED.includes(known.state)) {
      const ended = new Promise((resolve) => {
        this.#awaited.set(id, resolve);
      });
      await Promise.race([ended, this.failed]);
    }
  }

  // check compares what HTTP serves of a done job with what the socket said.
  async check(id) {
    const { png } = this.jobs.get(id);
    if (png && !sameBytes(new Uint8Array(await this.caller.mask(id)), png)) {
      this.#breaks('mask', `${id}: mask.png differs from the frame`);
    }
  }

  // leave closes the session and waits for the hub to close the socket.
  async leave() {
    if (this.#pings.answered < this.#pings.sent - 1) {
      this.#breaks('pong', `${this.#pings.answered} answers to ${this.#pings.sent} pings`);
    }
    this.#slots.tell({ id: this.id, state: 'closed' });
    await this.caller.close();
    const code = await this.closed;
    if (code !== 4404) {
      this.#breaks('close', `code ${code}`);
    }
  }

  // abandon lets go of the socket; nothing that it says any more is heard.
  abandon() {
    clearInterval(this.pinging);
    const { socket } = this;
    this.socket = null;
    if (socket) {
      socket.close(1000);
    }
  }

  #breaks(promise, how) {
    breaks(promise, `${this.name}: ${how}`);
  }

  #send(message) {
    this.socket.send(JSON.stringify(message));
  }

  #ping() {
    this.#pings.sent += 1;
    this.#send({ type: 'ping', id: this.#pings.sent });
  }

  #hear(data) {
    if (typeof data !== 'string') {
      if (!this.#missed()) {
        this.#mask(readMask(data));
      }
      return;
    }
    const frame = JSON.parse(data);
    if (this.#missed() && frame.type !== 'welcome' && frame.type !== 'pong') {
      return;
    }
    const hear = {
      welcome: () => this.#welcome(frame),
      snapshot: () => this.#snapshot(frame),
      session: () => this.#session(frame),
      position: () => this.#line(frame),
      job: () => this.#job(frame),
      progress: () => this.#progress(frame),
      stats: () => this.#watched(frame),
      pong: () => this.#pong(),
    }[frame.type];
    if (hear) {
      hear();
    } else {
      this.#breaks('no_errors', data);
    }
  }

  // missed tells whether the welcome of somebody who comes back was dropped: #connect is tried again.
  #missed() {
    return this.#entered && !this.#welcomed;
  }

  // count takes the seq of a kept event.
  #count(seq) {
    if (this.#seq === null) {
      return; // the snapshot was dropped: #connect is tried again
    }
    if (seq !== this.#seq + 1) {
      this.#breaks('seq', `${seq} after ${this.#seq}`);
    }
    this.#seq = seq;
  }

  #pong() {
    this.#pings.answered += 1;
    this.opened(this.#welcomed && this.#seq !== null);
  }

  #welcome({ epoch, resumed, gap }) {
    if (this.#welcomed || resumed !== this.#entered || gap || (resumed && epoch !== this.#epoch)) {
      this.#breaks(this.#entered ? 'resume' : 'opening', `a welcome with resumed ${resumed}, gap ${gap}`);
    }
    this.#welcomed = true;
    this.#epoch = epoch;
  }

  #snapshot({ seq, session, jobs }) {
    if (this.#entered || this.#seq !== null || jobs.length !== 0) {
      this.#breaks('opening', `a snapshot with seq ${seq} and ${jobs.length} jobs`);
    }
    this.#seq = seq;
    this.#tell(session);
  }

  #session({ seq, session }) {
    this.#count(seq);
    this.#tell(session);
  }

  #tell(session) {
    this.waited = this.waited || session.state === 'waiting';
    if (session.state !== 'waiting') {
      this.#place = Infinity;
    }
    this.#slots.tell(session);
  }

  #line({ position, waiting }) {
    if (!(position >= 1 && position <= waiting)) {
      this.#breaks('position', `position ${position} of ${waiting}`);
    }
    if (this.#position.tooFast()) {
      this.#breaks('position', 'too many');
    }
    if (position > this.#place) {
      this.#breaks('position', `${position} after ${this.#place}`);
    }
    this.#place = position;
    this.positions += 1;
  }

  #job({ seq, job }) {
    this.#count(seq);
    const known = this.jobs.get(job.id) || { state: null, png: null, progress: new Pace(20) };
    const follows = { null: ['queued'], queued: ['running'], running: ['done'] }[known.state] || [];
    if (!follows.includes(job.state)) {
      this.#breaks('job_order', `${job.id}: ${job.state} after ${known.state}: ${JSON.stringify(job.error)}`);
    }
    known.state = job.state;
    known.width = job.width;
    known.height = job.height;
    this.jobs.set(job.id, known);
    if (job.state === 'done') {
      this.#done(job.id, known);
    } else {
      this.#finishIfDone();
    }
  }

  async #done(id, known) {
    if (!known.png) {
      this.#breaks('job_order', `${id}: done before its mask`);
    }
    try {
      const { objects, summary } = await this.caller.result(id);
      if (summary.count !== objects.length) {
        this.#breaks('result', `${id}: ${summary.count} objects counted, ${objects.length} listed`);
      }
    } catch (error) {
      this.#breaks('result', String(error));
    }
    this.#finishIfDone();
  }

  #finishIfDone() {
    for (const [id, resolve] of this.#awaited) {
      if (FINISHED.includes(this.jobs.get(id)?.state)) {
        this.#awaited.delete(id);
        resolve();
      }
    }
    const states = [...this.jobs.values()].map((job) => job.state);
    if (this.#expected > 0 && states.filter((state) => FINISHED.includes(state)).length === this.#expected) {
      this.finish();
    }
  }

  #progress({ job_id: id, percent }) {
    const job = this.jobs.get(id);
    if (!job || job.state !== 'running' || !(percent >= 0 && percent <= 100)) {
      this.#breaks('progress', `${percent} % of ${id}, which is ${job && job.state}`);
    } else if (job.progress.tooFast()) {
      this.#breaks('progress', 'too many');
    }
  }

  #mask({ header, png }) {
    if (!header.final) {
      return; // a tile of a large image
    }
    this.#count(header.seq);
    const job = this.jobs.get(header.job_id);
    if (!job || job.state !== 'running' || job.png) {
      this.#breaks('job_order', `a final mask of ${header.job_id}, which is ${job && job.state}`);
      return;
    }
    const size = pngSize(png);
    const fits = size && [size, header].every(({ width, height }) => width === job.width && height === job.height);
    if (!fits || header.x !== 0 || header.y !== 0) {
      this.#breaks('mask', `${JSON.stringify(header)} and a PNG of ${JSON.stringify(size)} for ${job.width} x ${job.height}`);
    }
    job.png = png;
  }

  #watched(frame) {
    if (this.#stats.tooFast()) {
      this.#breaks('stats', 'too many');
    }
    this.#onStats(frame);
  }
}
