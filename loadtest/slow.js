// Slow people beside quick ones: their uploads trickle in, they read pictures byte by byte, their sockets do not read at all. They
// get what they came for, and hold nobody up.
import { sleep } from 'k6';
import { Counter } from 'k6/metrics';
import wire from 'k6/x/wire';

import { ADDRESS } from './lib/hub.js';
import { PHASE_S, phase } from './lib/profiles.js';
import { png } from './lib/png.js';
import { breaks } from './lib/promises.js';
import { good, setup, stormOptions } from './lib/storm.js';
import { Stranger } from './lib/stranger.js';
import { summarise } from './lib/summary.js';

const SLOW = 6;
const STALLED = 4; // sockets and downloads of each slow user that are not read
const PIECES = 5 * PHASE_S; // of an upload, ten a second: half a phase

const slowUploads = new Counter('slow_uploads_taken');

export { good, setup };

export const options = stormOptions('slow', SLOW, { slow_uploads_taken: [`count>=${SLOW}`] });

// slow is one round of one slow user.
export function slow({ began }) {
  if (phase(began) !== 'storm') {
    sleep(0.2);
    return;
  }
  const me = new Stranger(`127.7.7.${__VU}`);
  me.enter();
  const held = [];
  for (let i = 0; i < STALLED; i += 1) {
    held.push(me.socket());
    const reader = wire.open(ADDRESS, me.address);
    reader.write(`GET /samples/spheroid.png HTTP/1.1\r\nHost: ${ADDRESS}\r\n\r\n`.repeat(20));
    held.push(reader);
  }
  upload(me, png(64));
  held.forEach((connection) => connection.close());
  me.leave();
  while (phase(began) === 'storm') {
    sleep(0.2); // one round a storm: what the images cost is no part of it
  }
}

// upload sends the image in small pieces.
function upload(me, image) {
  const { head, body } = me.form('slow.png', image);
  const connection = wire.open(ADDRESS, me.address);
  connection.write(head);
  const piece = Math.ceil(body.length / PIECES);
  for (let i = 0; i < body.length; i += piece) {
    connection.write(body.slice(i, i + piece));
    sleep(0.1);
  }
  const status = connection.line(5000);
  if (status.includes(' 202 ')) {
    slowUploads.add(1);
  } else {
    breaks('no_errors', `a slow upload: ${status}`);
  }
  connection.close();
}

export function handleSummary(data) {
  return summarise(data, __ENV.OUTPUT || 'loadtest/output/slow.json');
}
