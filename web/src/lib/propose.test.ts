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

describe('the subject of a picture', () => {
  it('is nuclei where many small bodies are bright on dark ground', () => expect(look(many, 200, 15)).toBe('nuclei'))
  it('is spheroids where the ground is bright', () => expect(look(many, 60, 190)).toBe('spheroids'))
  it('is spheroids where the bright bodies are few', () => expect(look([{ x: 90, y: 100, radius: 50 }], 200, 15)).toBe('spheroids'))
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
