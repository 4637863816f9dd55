// Far more people than slots: they wait in one line, hear a place that only shrinks, and all of them finish.
import { Counter } from 'k6/metrics';

import { samples } from './lib/hub.js';
import { oneStage } from './lib/profiles.js';
import { breaks, promised } from './lib/promises.js';
import { Slots } from './lib/slots.js';
import { summarise } from './lib/summary.js';
import { User } from './lib/user.js';

const SLOTS = 4; // what the hub was started with
const USERS = Number(__ENV.USERS || 40);
const IMAGES = Number(__ENV.IMAGES || 3); // each person's
const MODEL = __ENV.MODEL || 'unet_spherohq';
const LIMIT_S = 300; // for everything

const finishedUsers = new Counter('users_finished');
const waitedUsers = new Counter('users_waited');

export const options = {
  scenarios: { overflow: oneStage(LIMIT_S + 30) },
  summaryTrendStats: ['min', 'med', 'max', 'count'],
  thresholds: {
    ...promised(),
    sessions_active_at_once: [`max==${SLOTS}`],
    users_finished: [`count==${USERS}`],
    users_waited: [`count>=${USERS / 2}`],
    http_req_failed: ['rate==0'],
  },
};

export default async function overflow() {
  const slots = new Slots(SLOTS);
  const users = Array.from({ length: USERS }, (_, i) => new User(`overflow ${i + 1}`, slots));
  const timer = setTimeout(() => {
    breaks('in_time', `not done after ${LIMIT_S} s`);
    users.forEach((user) => user.abandon());
    slots.close();
  }, LIMIT_S * 1000);
  try {
    const images = samples();
    await Promise.all(users.map((user) => user.enter()));
    await Promise.all(users.map((user) => work(user, images)));
    await Promise.all(users.map((user) => user.leave()));
  } catch (error) {
    breaks('no_errors', String(error));
    users.forEach((user) => user.abandon());
  } finally {
    clearTimeout(timer);
    slots.close();
  }
}

async function work(user, images) {
  for (let i = 0; i < IMAGES; i += 1) {
    await user.submit(images[i % images.length], MODEL);
  }
  await user.finished;
  waitedUsers.add(user.waited ? 1 : 0);
  finishedUsers.add(1);
}

export function handleSummary(data) {
  return summarise(data, __ENV.OUTPUT || 'loadtest/output/overflow.json');
}
