import { afterEach, describe, expect, it, vi } from 'vitest'
import { paint, type Disc } from '../../test/png'
import { generator } from '../../test/random'
import { tiff } from '../../test/tiff'
import { fewDark, lookAt, propose, subjectOf } from './propose'
import type { Model } from './protocol'

const side = 200
const random = generator(7)
const many: Disc[] = Array.from({ length: 30 }, (_, i) => ({ x: 20 + (i % 6) * 32 + random() * 6, y: 20 + Math.floor(i / 6) * 36 + random() * 6, radius: 5 + random() * 4 }))
const look = (discs: Disc[], inside: number, ground: number) => subjectOf({ width: side, height: side, values: paint(side, side, discs, inside, ground) })

/** A picture with some noise, of bodies of one colour on ground of another. */
function inColour(discs: Disc[], inside: number[], ground: number[]) {
  const channels = inside.map((value, i) => Float32Array.from(paint(side, side, discs, value, ground[i]!), (v) => Math.max(0, v + 6 * (random() - 0.5))))
  const values = channels[0]!.map((_, i) => channels.reduce((sum, channel) => sum + channel[i]! / 3, 0))
  return subjectOf({ width: side, height: side, values, rgb: Float32Array.from({ length: 3 * values.length }, (_, i) => channels[i % 3]![Math.floor(i / 3)]!) })
}

describe('the subject of a picture', () => {
  it('is nuclei where many small bodies are bright on dark ground', () => expect(look(many, 200, 15)).toBe('nuclei'))
  it('is spheroids where the ground is bright', () => expect(look(many, 60, 190)).toBe('spheroids'))
  it('is spheroids where the bright bodies are few', () => expect(look([{ x: 90, y: 100, radius: 50 }], 200, 15)).toBe('spheroids'))
  it('is nuclei where the dark ground is noisy', () => {
    const noisy = Float32Array.from(paint(side, side, many, 200, 15), (value) => value + 24 * (random() + random() - 1))
    expect(subjectOf({ width: side, height: side, values: noisy })).toBe('nuclei')
  })
  it('is spheroids where bodies have a bright and a dark side, as cells in DIC', () => {
    const values = paint(side, side, [], 0, 120)
    for (const { x, y, radius } of many) {
      for (let i = 0; i < values.length; i++) {
        const [dx, dy] = [(i % side) - x, Math.floor(i / side) - y]
        if (dx ** 2 + dy ** 2 < radius ** 2) values[i] = dx < 0 ? 220 : 90
      }
    }
    expect(subjectOf({ width: side, height: side, values })).toBe('spheroids')
  })
  it('is tissue where colours differ on bright ground', () => expect(inColour(many, [120, 70, 160], [235, 190, 215])).toBe('tissue'))
  it('is spheroids where all has the colour of the light', () => expect(inColour(many, [60, 55, 40], [230, 210, 150])).toBe('spheroids'))
  it('is spheroids where bodies are black', () => expect(inColour(many, [0, 0, 0], [200, 200, 200])).toBe('spheroids'))
  it('is nuclei where bodies shine in colours', () => expect(inColour(many, [20, 60, 220], [8, 4, 6])).toBe('nuclei'))
  it('is spheroids where nothing is seen', () => expect(look([], 0, 90)).toBe('spheroids'))
})

describe('few dark bodies', () => {
  const few = (discs: Disc[], inside: number, ground: number) => fewDark({ width: side, height: side, values: paint(side, side, discs, inside, ground) })
  it('are seen on bright ground', () => expect(few([{ x: 90, y: 100, radius: 50 }], 60, 190)).toBe(true))
  it('are not many', () => expect(few(many, 60, 190)).toBe(false))
  it('are there', () => expect(few([], 0, 90)).toBe(false))
})

it('proposes the model whose words are most of the subject', () => {
  const models = [
    { id: 'a', title: 'HRNet', description: 'Spheroids and other bodies.' },
    { id: 'b', title: 'Nuclei', description: 'Nuclei in fluorescence.' },
    { id: 'sphero', title: 'Sphero', description: 'Spheroids; nuclei, too.' },
  ] as Model[]
  expect([propose(models, 'nuclei')?.id, propose(models, 'spheroids')?.id, propose([], 'nuclei')]).toEqual(['b', 'sphero', undefined])
})

afterEach(() => vi.unstubAllGlobals())

it('does not have the browser read into memory what is too large for it', async () => {
  const read = vi.fn(() => Promise.reject(new Error('it was read')))
  vi.stubGlobal('createImageBitmap', read)
  const huge = (content: BlobPart) => Object.defineProperty(new File([content], 'huge'), 'size', { value: 5e9 })
  expect(await lookAt(huge('no picture'))).toBeNull()
  expect((await lookAt(huge(tiff(8, 8, [new Uint8Array(64)]) as Uint8Array<ArrayBuffer>)))?.pixels).toBe(64) // the page's own reader takes what it needs
  expect(read).not.toHaveBeenCalled()
})
