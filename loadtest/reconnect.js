// A bad network: every socket is cut again and again while images are segmented, and comes back for what it has missed. Each
// event is heard once, in order, and no gap is told of.
import { Counter } from 'k6/metrics';

import { samples } from './lib/hub.js';
import { oneStage } from './lib/profiles.js';
import { breaks, promised } from './lib/promises.js';
import { Slots } from './lib/slots.js';
import { summarise } from './lib/summary.js';
import { User } from './lib/user.js';

const SLOTS = 4; // what the hub was started with
const USERS = Number(__ENV.USERS || 12);
const IMAGES = Number(__ENV.IMAGES || 8); // each person's
const MODEL = __ENV.MODEL || 'unet_spherohq';
const CUT_EVERY_MS = 700; // each socket, on average
const LIMIT_S = 300; // for everything

const cuts = new Counter('sockets_cut');
const finishedUsers = new Counter('users_finished');

export const options = {
  scenarios: { reconnect: oneStage(LIMIT_S + 30) },
  thresholds: {
    ...promised(),
    sockets_cut: [`count>=${USERS}`],
    users_finished: [`count==${USERS}`],
    http_req_failed: ['rate==0'],
  },
};

export default async function reconnect() {
  const slots = new Slots(SLOTS);
  const users = Array.from({ length: USERS }, (_, i) => new User(`reconnect ${i + 1}`, slots));
  const timer = setTimeout(() => {
    breaks('in_time', `not done after ${LIMIT_S} s`);
    users.forEach((user) => user.abandon());
  }, LIMIT_S * 1000);
  try {
    const images = samples();
    for (const user of users) {
      await user.enter();
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
}

async function work(user, images) {
  let done = false;
  for (let i = 0; i < IMAGES; i += 1) {
    await user.submit(images[i % images.length], MODEL);
  }
  const cutting = cut(user, () => done);
  await user.finished;
  done = true;
  await cutting;
  finishedUsers.add(1);
}

// cut goes on until over answers true. Those who are away hear nothing of who has a slot, so that slots are not judged here.
async function cut(user, over) {
  while (!over()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 2 * CUT_EVERY_MS * Math.random());
    });
    if (over()) {
      return;
    }
    cuts.add(1);
    await user.drop();
  }
}

export function handleSummary(data) {
  return summarise(data, __ENV.OUTPUT || 'loadtest/output/reconnect.json');
}
