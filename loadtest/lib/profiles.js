// The shapes of load.

// oneStage is one virtual user who plays everybody: they share one event loop, so that the script can
// see what all of them see at one moment.
export function oneStage(seconds) {
  return { executor: 'shared-iterations', vus: 1, iterations: 1, maxDuration: `${seconds}s` };
}
