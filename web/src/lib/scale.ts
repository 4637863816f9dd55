// Lengths as a microscopist reads them: a scale bar of a round length, micrometres where the pixel size is known.

export interface Bar {
  /** CSS pixels. */
  width: number
  length: number
  unit: 'µm' | 'mm' | 'px'
}

const round = [1, 2, 5]

/** barOf is the longest round bar of at most most CSS pixels; pixelSize is µm a pixel, null where nobody knows. */
export function barOf(scale: number, pixelSize: number | null, most: number): Bar {
  const unitsPerPixel = (pixelSize ?? 1) / scale // of CSS
  const longest = most * unitsPerPixel
  const power = 10 ** Math.floor(Math.log10(longest))
  const length = power * (round.findLast((step) => step * power <= longest) ?? 1)
  const width = length / unitsPerPixel
  if (pixelSize === null) return { width, length, unit: 'px' }
  return length >= 1000 ? { width, length: length / 1000, unit: 'mm' } : { width, length, unit: 'µm' }
}
