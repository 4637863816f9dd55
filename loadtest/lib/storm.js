// A storm beside good users: they send an image when the last is done, look at its preview and at their session. How long that
// takes them is measured in calm and in storm, and what the storm costs them is the promise. A scenario is its storm alone: it
// exports setup and good from here.
import { Trend } from 'k6/metrics';

import { samples } from './hub.js';
import { beginPhases, oneStage, others, phase, phased } from './profiles.js';
import { breaks, promised } from './promises.js';
import { Slots } from './slots.js';
import { User } from './user.js';

const MODEL = __ENV.MODEL || 'unet_spherohq';
const SLOTS = 4; // what the hub was started with
const GOOD = 2;
const PAUSE_MS = 100; // of somebody who looks at the result

const rounds = new Trend('good_round', true);
const moved = new Trend('good_p95_moved'); // 0.2: by a fifth

// stormOptions are those of a scenario whose function exec is played by so many at once.
export function stormOptions(exec, count, thresholds) {
  return {
    scenarios: { good: { ...oneStage(phased + 60), exec: 'good' }, [exec]: others(exec, count) },
    thresholds: { ...promised(), good_p95_moved: ['max<0.2'], http_req_failed: ['rate==0'], ...thresholds },
  };
}

export function setup() {
  return { began: beginPhases() };
}

// good has the good users work through all phases.
export async function good({ began }) {
  const slots = new Slots(SLOTS);
  await playGood(slots, samples(), began);
  slots.close();
}

async function playGood(slots, images, began) {
  const took = { warm: [], calm: [], storm: [], over: [] };
  const users = Array.from({ length: GOOD }, (_, i) => new User(`good ${i + 1}`, slots));
  try {
    for (const user of users) {
      await user.enter();
    }
    await Promise.all(users.map((user, i) => work(user, images[i % images.length], began, took)));
    await Promise.all(users.map((user) => user.leave()));
  } catch (error) {
    breaks('no_errors', String(error));
    users.forEach((user) => user.abandon());
  }
  const [calm, storm] = [p95(took.calm), p95(took.storm)];
  console.log(`p95 of ${took.calm.length} rounds in calm ${calm} ms, of ${took.storm.length} in storm ${storm} ms`);
  if (calm && storm) {
    moved.add(storm / calm - 1);
  } else { // a threshold without a value is kept
    breaks('in_time', 'the good users came to the end of no round in calm, or in storm');
  }
}

async function work(user, image, began, took) {
  while (phase(began) !== 'over') {
    const now = phase(began);
    const start = Date.now();
    await user.segment(image, MODEL);
    await user.caller.session();
    const end = Date.now();
    if (phase(began) === now) { // what lies across two phases tells of neither
      took[now].push(end - start);
      rounds.add(end - start, { phase: now });
    }
    await new Promise((resolve) => {
      setTimeout(resolve, PAUSE_MS);
    });
  }
}

function p95(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(0.95 * (sorted.length - 1))];
}
