// Which model an image wants, from a look at it: many small bright bodies on dark ground are nuclei in fluorescence, colours that differ on
// bright ground are stained tissue, anything else is taken for spheroids in brightfield. A proposal, to be shown as one: the person has the last word.

import type { Model } from './protocol'

export const subjects = ['nuclei', 'tissue', 'spheroids'] as const
export type Subject = (typeof subjects)[number]

/** A picture as grey values of any range, row by row. */
export interface Grey {
  width: number
  height: number
  values: ArrayLike<number>
  rgb?: Float32Array | undefined // of one that may be in colour, pixel by pixel
}

/** What is seen of a picture by a look at its middle. */
export interface Look extends Grey {
  pixels: number // of the whole picture
}

const lookSide = 256 // values a side are enough to tell
const lookExtent = 1024 // pixels a side: shrunk further, nuclei would be specks
const darkGround = 0.15 // of the range, below which half of a fluorescence image's ground lies; of DIC, which has shadows, it lies higher
const mostCovered = 0.6 // of the picture, that nuclei cover
const manyBodies = 8
const speck = 6 // pixels; less is noise
const brightGround = 1 / 3 // of the brightest, above which half of what is seen by white light lies
const dyes = 0.08 // of a pixel's light, by which the part of a colour differs from place to place; that of a lamp or a camera hardly does
const mostRead = 256 << 20 // bytes of a file that the browser takes into memory for a look

/** subjectOf looks at a picture. */
export function subjectOf(picture: Grey): Subject {
  const { values, rgb } = picture
  if (rgb && stained(rgb)) return 'tissue'
  const [low, high] = rangeOf(values)
  if (high <= low) return 'spheroids'
  const cut = otsu(values, low, high)
  const ground = Array.from(values).filter((value) => value <= cut)
  const dark = (quantile(ground, 0.5) - low) / (high - low) < darkGround
  const few = ground.length / values.length > 1 - mostCovered
  return dark && few && bodies(picture, cut) >= manyBodies ? 'nuclei' : 'spheroids'
}

function stained(rgb: Float32Array): boolean {
  const light = Float32Array.from({ length: rgb.length / 3 }, (_, i) => rgb[3 * i]! + rgb[3 * i + 1]! + rgb[3 * i + 2]!)
  const bright = brightGround * quantile(light, 0.995)
  if (quantile(light, 0.5) <= bright) return false
  return [0, 1, 2].some((colour) => {
    const parts = light.map((sum, i) => rgb[3 * i + colour]! / sum).filter((_, i) => light[i]! > bright) // noise has colours where it is dark
    return quantile(parts, 0.95) - quantile(parts, 0.05) > dyes
  })
}

/** fewDark tells whether few bodies stand on bright ground, as spheroids do: what is far smaller beside them is dirt. */
export function fewDark({ width, height, values }: Grey): boolean {
  const [low, high] = rangeOf(values)
  if (high <= low) return false
  const dark = bodies({ width, height, values: Float32Array.from(values, (value) => -value) }, -otsu(values, low, high))
  return dark > 0 && dark < manyBodies
}

function rangeOf(values: ArrayLike<number>): [low: number, high: number] {
  return [quantile(values, 0.01), quantile(values, 0.995)]
}

const signs: Record<Subject, RegExp> = { nuclei: /nucle/i, tissue: /nucle/i, spheroids: /spher/i }

/** propose picks the model whose words are most of the subject; the first where none is. */
export function propose(models: readonly Model[], subject: Subject): Model | undefined {
  const worth = ({ id, title, description }: Model) => 2 * Number(signs[subject].test(`${id} ${title}`)) + Number(signs[subject].test(description))
  return models.toSorted((a, b) => worth(b) - worth(a))[0]
}

function quantile(values: ArrayLike<number>, part: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0
}

/** Otsu's threshold (1979) over 64 bins of low..high. */
function otsu(values: ArrayLike<number>, low: number, high: number): number {
  const bins = new Array<number>(64).fill(0)
  const width = (high - low) / bins.length
  for (let i = 0; i < values.length; i++) bins[Math.max(0, Math.min(bins.length - 1, Math.floor((values[i]! - low) / width)))]!++
  const sum = bins.reduce((total, count, bin) => total + count * bin, 0)
  let [best, cut, below, sumBelow] = [-1, 0, 0, 0]
  for (const [bin, count] of bins.entries()) {
    below += count
    sumBelow += count * bin
    const above = values.length - below
    if (below === 0 || above === 0) continue
    const between = below * above * (sumBelow / below - (sum - sumBelow) / above) ** 2
    if (between > best) [best, cut] = [between, bin]
  }
  return low + (cut + 1) * width
}

/** How many bodies of more than a speck are brighter than cut. */
function bodies({ width, height, values }: Grey, cut: number): number {
  const seen = new Uint8Array(width * height)
  let found = 0
  for (let start = 0; start < seen.length; start++) {
    if (seen[start] || values[start]! <= cut) continue
    const open = [start]
    seen[start] = 1
    let size = 0
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      size++
      const x = at % width
      for (const next of [x > 0 ? at - 1 : -1, x < width - 1 ? at + 1 : -1, at - width, at + width]) {
        if (next < 0 || next >= seen.length || seen[next] || values[next]! <= cut) continue
        seen[next] = 1
        open.push(next)
      }
    }
    if (size > speck) found++
  }
  return found
}

/** lookAt reads the middle of a file, shrunk; null where neither the browser nor this page can. */
export async function lookAt(file: Blob): Promise<Look | null> {
  // Most browsers read no TIFF, and of a large one all before they say so; the hub that would bring the page's own reader may be away.
  const glimpsed = await import('./tiff').then(({ glimpse }) => glimpse(file, lookSide, lookExtent), () => null)
  if (glimpsed || file.size > mostRead) return glimpsed
  const whole = await createImageBitmap(file).catch(() => null)
  if (!whole) return null
  const [spanX, spanY] = [Math.min(lookExtent, whole.width), Math.min(lookExtent, whole.height)]
  const scale = Math.min(1, lookSide / Math.max(spanX, spanY))
  const [width, height] = [Math.max(1, Math.round(spanX * scale)), Math.max(1, Math.round(spanY * scale))]
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  context.drawImage(whole, (whole.width - spanX) / 2, (whole.height - spanY) / 2, spanX, spanY, 0, 0, width, height)
  const pixels = whole.width * whole.height
  whole.close()
  const { data } = context.getImageData(0, 0, width, height)
  const values = new Float32Array(width * height)
  const rgb = new Float32Array(3 * values.length)
  for (let i = 0; i < values.length; i++) {
    rgb.set(data.subarray(4 * i, 4 * i + 3), 3 * i)
    values[i] = 0.3 * rgb[3 * i]! + 0.59 * rgb[3 * i + 1]! + 0.11 * rgb[3 * i + 2]!
  }
  return { width, height, values, rgb, pixels }
}
