import { describe, expect, it, test } from 'vitest'
import { tiff } from '../../test/tiff'
import { tiffs } from '../../test/tiffs'
import { glimpse } from './tiff'

const blob = (base64: string) => new Blob([Buffer.from(base64, 'base64')])
const whole = 64 // as many values as the pattern has pixels
const look = (file: Blob) => glimpse(file, whole, whole)

const noise = (x: number, y: number) => (x * x * 7 + y * 13 + x * y) % 251
const steps = (x: number, y: number) => (Math.floor(x / 6) + Math.floor(y / 5)) * 40

/** What a page of a pattern comes to. */
function page(width: number, height: number, pattern: (x: number, y: number) => number, pixels = width * height) {
  return { width, height, pixels, values: Float32Array.from({ length: width * height }, (_, i) => pattern(i % width, Math.floor(i / width))) }
}

/** The colours of its pixels. */
function inColour(width: number, height: number, pattern: (x: number, y: number) => number[]) {
  return Float32Array.from(Array.from({ length: width * height }, (_, i) => pattern(i % width, Math.floor(i / width))).flat())
}

describe('a TIFF is read', () => {
  const wanted: Record<keyof typeof tiffs, ReturnType<typeof page> & { rgb?: Float32Array }> = {
    'LZW in strips': page(24, 30, noise),
    'LZW of differences, 16 bits, the high byte first': page(24, 30, (x, y) => 50 * steps(x, y)),
    'deflate of differences in strips': page(24, 30, (x, y) => 50 * steps(x, y)),
    'floats in tiles': page(24, 30, (x, y) => steps(x, y) / 8),
    BigTIFF: { ...page(9, 9, steps), rgb: inColour(9, 9, (x, y) => [steps(x, y), steps(x, y), steps(x, y)]) },
    'white is zero': page(24, 8, (x, y) => steps(x, y) - 255),
    colours: { ...page(6, 5, (x, y) => (20 * x + 30 * y + 210) / 3), rgb: inColour(6, 5, (x, y) => [40 * x, 30 * y + 10, 200 - 20 * x]) },
  }
  it.each(Object.keys(tiffs) as (keyof typeof tiffs)[])('%s', async (name) => {
    expect(await look(blob(tiffs[name]))).toEqual(wanted[name])
  })
})

test('of a large page, the middle is looked at, and of that a part', async () => {
  const [width, height] = [40, 30]
  const values = Uint16Array.from({ length: width * height }, (_, i) => (i % width) + 100 * Math.floor(i / width))
  const seen = await glimpse(new Blob([new Uint8Array(tiff(width, height, [values]))]), 4, 20)
  // 20 × 20 pixels from (10, 5) on, each 5th from the 3rd on.
  expect(seen).toEqual(page(4, 4, (x, y) => 12 + 5 * x + 100 * (7 + 5 * y), width * height))
})

test('a page that is one plain strip may be of any size', async () => {
  const [width, height] = [6_000, 6_000]
  const values = new Uint8Array(width * height).fill(7)
  expect(await glimpse(new Blob([new Uint8Array(tiff(width, height, [values]))]), 2, 20)).toEqual(page(2, 2, () => 7, width * height))
})

test('what is no TIFF, one that is cut off and one that is packed otherwise is not read', async () => {
  const file = Buffer.from(tiffs['LZW in strips'], 'base64')
  const jpeg = Buffer.from(file)
  jpeg.writeUInt16LE(7, file.indexOf(Buffer.from([3, 1, 3, 0])) + 8) // compression, a short
  for (const bytes of [Buffer.from('GIF89a, not a TIFF at all'), file.subarray(0, 40), Buffer.alloc(0), jpeg]) expect(await look(new Blob([bytes]))).toBeNull()
})
