// The values of an image as its contrast is set by: their range, how often they occur, and a window that loses few.

import type { ImageInfo } from './protocol'

export interface Values {
  least: number
  most: number
  counts: readonly number[]
  /** A window that leaves 0.35 % of the pixels outside at each end, as ImageJ's Auto does. */
  low: number
  high: number
}

const outside = 0.0035

export function valuesOf({ histogram }: Pick<ImageInfo, 'histogram'>): Values {
  const { low: least = 0, high: most = 255, counts = [] } = histogram ?? {}
  const total = counts.reduce((sum, n) => sum + n, 0)
  const width = (most - least) / Math.max(1, counts.length)
  const first = reach(counts, total * outside)
  const last = counts.length - 1 - reach(counts.toReversed(), total * outside)
  return { least, most, counts, low: least + first * width, high: Math.max(least + (last + 1) * width, least + (first + 1) * width) }
}

/** The first bin by which more than so many have been counted. */
function reach(counts: readonly number[], many: number): number {
  let sum = 0
  const index = counts.findIndex((n) => (sum += n) > many)
  return Math.max(0, index)
}
