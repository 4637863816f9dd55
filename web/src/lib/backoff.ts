// How long to wait before the next try: full jitter, so that the clients of a hub that comes back do not all
// return at the same moment.

export interface Backoff {
  base: number // ms, the ceiling of the first wait
  cap: number // ms, the ceiling of any wait
}

/** delay before try number attempt (from 0): uniform in 0..min(cap, base * 2^attempt), in ms. */
export function delay(backoff: Backoff, attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(backoff.cap, backoff.base * 2 ** Math.min(attempt, 30))
  return Math.round(random() * ceiling)
}
