// An attack, beside which good users work on: bodies that trickle, readers that stall, frames of rubbish, guesses of the access key,
// pages of other sites, huge headers. Each attacker has an address of its own, and one in two a session. The hub keeps its limits
// here (SEGHUB_RATE_LIMITS=1), and asks for an access key.
import { sleep } from 'k6';
import { Counter } from 'k6/metrics';
import wire from 'k6/x/wire';

import { ADDRESS } from './lib/hub.js';
import { phase } from './lib/profiles.js';
import { breaks } from './lib/promises.js';
import { good, setup, stormOptions } from './lib/storm.js';
import { Stranger } from './lib/stranger.js';
import { summarise } from './lib/summary.js';

const ATTACKERS = 8;
const HELD = 30; // connections of each attacker that are held open at once
const PAUSE_S = 0.05; // between two attacks of one attacker

const attacks = new Counter('attacks');

export { good, setup };

export const options = stormOptions('hostile', ATTACKERS, { attacks: ['count>500'] });

// hostile is one storm of one attacker.
export function hostile({ began }) {
  if (phase(began) !== 'storm') {
    sleep(0.1);
    return;
  }
  const me = new Stranger(`127.6.6.${__VU}`);
  const inside = __VU % 2 === 0 && me.enter();
  const held = [];
  for (let i = 0; phase(began) === 'storm'; i += 1) {
    const kinds = inside ? [...OUTSIDE, ...INSIDE] : OUTSIDE;
    kinds[i % kinds.length](me, held);
    attacks.add(1);
    held.splice(0, Math.max(0, held.length - HELD)).forEach((connection) => connection.close());
    if (held.length > 0) {
      held[i % held.length].write('x'); // a byte more of whatever it is
    }
    sleep(PAUSE_S);
  }
  held.forEach((connection) => connection.close());
  if (inside) {
    me.leave();
  }
}

// What anybody can do.
const OUTSIDE = [
  function tricklingHead(me, held) {
    const connection = wire.open(ADDRESS, me.address);
    connection.write('GET / HTTP/1.1\r\nX-Slow: ');
    held.push(connection);
  },
  function tricklingBody(me, held) {
    const connection = wire.open(ADDRESS, me.address);
    connection.write(`POST /api/v1/sessions HTTP/1.1\r\nHost: ${ADDRESS}\r\nContent-Length: 4000\r\n\r\n{`);
    held.push(connection);
  },
  function stalledReader(me, held) {
    const connection = wire.open(ADDRESS, me.address);
    connection.write(`GET /samples HTTP/1.1\r\nHost: ${ADDRESS}\r\n\r\n`.repeat(200));
    held.push(connection);
  },
  function guess(me) {
    refused(me.ask('POST', '/api/v1/sessions', {}, `{"access_key":"${Math.random()}"}`), 401, 429);
  },
  function foreignPage(me) {
    const headers = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' };
    refused(me.ask('POST', '/api/v1/sessions', headers, '{}'), 403);
  },
  function hugeHeader(me) {
    refused(me.ask('GET', '/api/v1/session', { 'X-Huge': 'x'.repeat(64 << 10) }), 431, 0);
  },
  function noToken(me) {
    refused(me.ask('GET', '/api/v1/jobs', { Authorization: 'Bearer guess' }), 401, 429);
  },
  function noHTTP(me, held) {
    const connection = wire.open(ADDRESS, me.address);
    connection.write('\u0016\u0003\u0001 rubbish \r\n\r\n');
    held.push(connection);
  },
];

// What only those can do who have a session.
const INSIDE = [
  function rubbishFrames(me, held) {
    const connection = me.socket();
    connection.write('\u00ff\u00ff rubbish'.repeat(100));
    held.push(connection);
  },
  function hugeFrame(me, held) {
    const connection = me.socket();
    connection.write('\u0081\u00ff\u0000\u0000\u0000\u0000\u0080\u0000\u0000\u0000aaaa'); // 2 GiB of text are announced
    held.push(connection);
  },
  function socketThatNeverReads(me, held) {
    held.push(me.socket());
  },
  function noImage(me) {
    const { head, body } = me.form('rubbish.png', 'rubbish'.repeat(1000));
    const connection = wire.open(ADDRESS, me.address);
    connection.write(head + body);
    refused(Number(connection.line(3000).split(' ')[1] || 0), 415, 429);
    connection.close();
  },
];

function refused(status, ...statuses) {
  if (!statuses.includes(status)) {
    breaks('refusal', `status ${status}, want one of ${statuses}`);
  }
}

export function handleSummary(data) {
  return summarise(data, __ENV.OUTPUT || 'loadtest/output/hostile.json');
}
