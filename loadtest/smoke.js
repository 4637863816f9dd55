// Five people on four slots, through the public API alone: never five are active, the fifth stands in
// the line, hears where, and finishes as everyone does.
//
//   bin/k6 run loadtest/smoke.js      from the repository's root, with a hub on BASE_URL
import { Counter, Trend } from 'k6/metrics';

import { samples } from './lib/hub.js';
import { oneStage } from './lib/profiles.js';
import { breaks, promised } from './lib/promises.js';
import { Slots } from './lib/slots.js';
import { summarise } from './lib/summary.js';
import { User } from './lib/user.js';

const SLOTS = 4; // what the hub was started with
const USERS = SLOTS + 1;
const IMAGES = Number(__ENV.IMAGES || 4); // each person's
const MODEL = __ENV.MODEL || 'unet_spherohq';
const OUTPUT = __ENV.OUTPUT || 'loadtest/output/smoke.json';
const LIMIT_S = 300; // for everything

const ownImage = __ENV.IMAGE
  ? { name: __ENV.IMAGE.split('/').pop(), data: open(__ENV.IMAGE, 'b') }
  : null;

const finalMasks = new Counter('final_masks');
const finishedUsers = new Counter('users_finished');
const waitedUsers = new Counter('users_waited');
const positions = new Counter('positions_heard');
const slotsActive = new Trend('stats_slots_active');
const imageTime = new Trend('images_of_one_user', true);

export const options = {
  scenarios: { smoke: oneStage(LIMIT_S + 30) },
  summaryTrendStats: ['min', 'med', 'max', 'count'],
  thresholds: {
    ...promised(),
    // All four slots were given out, and never a fifth.
    stats_slots_active: [`max==${SLOTS}`],
    sessions_active_at_once: [`max==${SLOTS}`],
    users_finished: [`count==${USERS}`],
    users_waited: ['count>=1'],
    positions_heard: ['count>=1'],
    final_masks: [`count==${USERS * IMAGES}`],
    http_req_failed: ['rate==0'],
  },
};

export default async function smoke() {
  const slots = new Slots(SLOTS);
  const users = Array.from({ length: USERS }, (_, i) => new User(`smoke ${i + 1}`, slots, i === 0 ? watch : null));
  const timer = setTimeout(() => {
    breaks('in_time', `not done after ${LIMIT_S} s`);
    users.forEach((user) => user.abandon());
    slots.close();
  }, LIMIT_S * 1000);
  try {
    const images = ownImage ? [ownImage] : samples();
    for (const user of users) {
      await user.enter(); // one after the other, so that the last finds all the slots taken
    }
    await Promise.all(users.map((user) => work(user, images)));
    await Promise.all(users.map((user) => user.leave()));
  } catch (error) {
    breaks('no_errors', String(error));
    users.forEach((user) => user.abandon());
  } finally {
    clearTimeout(timer);
    slots.close();
  }
  const last = users[USERS - 1];
  if (!last.waited || last.positions === 0) {
    breaks('position', `the fifth heard ${last.positions} positions`);
  }
}

async function work(user, images) {
  const began = Date.now();
  for (let i = 0; i < IMAGES; i += 1) {
    await user.submit(images[i % images.length], MODEL);
  }
  await user.finished;
  imageTime.add(Date.now() - began);
  await Promise.all([...user.jobs.keys()].map((id) => user.check(id)));
  finalMasks.add([...user.jobs.values()].filter((job) => job.png).length);
  positions.add(user.positions);
  waitedUsers.add(user.waited ? 1 : 0);
  finishedUsers.add(1);
}

// watch hears the stats of the hub, which has no user beside these.
function watch({ slots, workers }) {
  slotsActive.add(slots.active);
  if (slots.total !== SLOTS || workers.length !== SLOTS || slots.active > slots.total) {
    breaks('stats', `${JSON.stringify(slots)}, ${workers.length} workers`);
  }
}

export function handleSummary(data) {
  return summarise(data, OUTPUT);
}
