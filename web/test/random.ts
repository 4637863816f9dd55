/** A small linear congruential generator in 0..1: the same numbers in every run. */
export function generator(seed: number): () => number {
  let x = seed + 1
  return () => (x = (x * 48271) % 2147483647) / 2147483647
}
