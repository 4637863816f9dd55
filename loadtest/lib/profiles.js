// The shapes of load.

// oneStage is one virtual user who plays everybody: they share one event loop, so that the script can
// see what all of them see at one moment.
export function oneStage(seconds) {
  return { executor: 'shared-iterations', vus: 1, iterations: 1, maxDuration: `${seconds}s` };
}

// PHASE_S is how long each phase takes; calm and storm take turns, so that what drifts meets both alike.
export const PHASE_S = Number(__ENV.PHASE || 15);
const PHASES = 6;
const WARM_S = 5; // before the first

// phased is how long all of it takes, in seconds.
export const phased = WARM_S + PHASES * PHASE_S;

// beginPhases is setup()'s answer for everybody who asks phase.
export function beginPhases() {
  return Date.now() + WARM_S * 1000;
}

// phase is what is at this moment: warm, calm, storm or over.
export function phase(began) {
  const n = Math.floor((Date.now() - began) / 1000 / PHASE_S);
  if (n < 0) {
    return 'warm';
  }
  return n >= PHASES ? 'over' : ['calm', 'storm'][n % 2];
}

// others are so many virtual users who make the storm, each in a loop of its own.
export function others(exec, vus) {
  return { executor: 'constant-vus', exec, vus, duration: `${phased}s`, gracefulStop: '10s' };
}
