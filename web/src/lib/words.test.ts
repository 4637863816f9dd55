import { describe, expect, it } from 'vitest'
import type { Job, Session } from './protocol'
import { about, away, count, duration, fileWords, intake, jobWords, ordinal, place, setWords, stem } from './words'
import { closeOf } from './closecodes'

it.each([
  [1, '1st'],
  [2, '2nd'],
  [3, '3rd'],
  [4, '4th'],
  [11, '11th'],
  [12, '12th'],
  [13, '13th'],
  [21, '21st'],
  [112, '112th'],
])('ordinal %i is %s', (n, words) => expect(ordinal(n)).toBe(words))

it.each([
  [0, 'a few seconds'],
  [4.9, 'a few seconds'],
  [5, 'about 5 s'],
  [42, 'about 40 s'],
  [57.4, 'about 55 s'],
  [58, 'about 1 min'],
  [150, 'about 3 min'],
  [7_300, 'about 2 h'],
])('%d seconds are %s', (seconds, words) => expect(about(seconds)).toBe(words))

it.each([
  [204, '204 ms'],
  [1_500, '1.5 s'],
  [59_960, '1 min 0 s'],
  [90_000, '1 min 30 s'],
])('%d ms took %s', (ms, words) => expect(duration(ms)).toBe(words))

describe('the place of a session', () => {
  const session = { state: 'waiting', slot: null, position: 2, eta_seconds: 40 } as Session
  it.each<[Partial<Session>, string]>([
    [{}, 'You are 2nd in line, about 40 s.'],
    [{ eta_seconds: null }, 'You are 2nd in line.'],
    [{ position: null, eta_seconds: null }, 'You are in line.'],
    [{ state: 'active', slot: 0, position: null }, 'Slot 1 is yours.'],
    [{ state: 'idle', position: null }, 'Add images to begin.'],
  ])('%j: %s', (change, words) => expect(place({ ...session, ...change })).toBe(words))
})

describe('a job', () => {
  const job = { state: 'queued', stage: '', error: null, timing_ms: { total: 900 } } as Job
  const error = { type: '', title: 'The model failed', status: 500, detail: 'Out of memory.', code: 'inference_failed' }
  it.each<[Partial<Job>, boolean, string]>([
    [{}, false, 'Queued'],
    [{}, true, 'Waiting for a slot'],
    [{ state: 'running', stage: 'infer' }, false, 'Segmenting'],
    [{ state: 'running', stage: 'polish' as 'infer' }, false, 'Working'],
    [{ state: 'done' }, false, 'Done in 900 ms'],
    [{ state: 'failed', error }, false, 'Out of memory.'],
    [{ state: 'failed', error: { ...error, detail: '' } }, false, 'The model failed'],
    [{ state: 'failed' }, false, 'It failed, and the hub did not say why.'],
    [{ state: 'cancelled' }, false, 'Cancelled'],
  ])('%j: %s %s', (change, waiting, words) => expect(jobWords({ ...job, ...change }, waiting)).toBe(words))
})

it('counts', () => {
  expect(count(1, 'image')).toBe('1 image')
  expect(count(0, 'image')).toBe('0 images')
  expect(count(1_200, 'file was', 'files were')).toBe('1,200 files were')
})

describe('a model', () => {
  it.each([
    ['fit', 1, 'The whole image at once, in grey, scaled to fit into 512 × 256 pixels.'],
    ['native', 3, 'The image at its own resolution, in colour, in tiles of 512 × 256 pixels that overlap.'],
  ] as const)('that takes images as %s', (scaling, channels, words) =>
    expect(intake({ input: { width: 512, height: 256, channels, scaling } })).toBe(words))

  it.each([
    [4_833_953, 'fp32', '4.8 MB, 32-bit floating point'],
    [990_000, 'int8', '1.0 MB, 8-bit integers'],
    [1_000_000, 'bf16' as 'fp16', '1.0 MB, bf16'],
  ] as const)('of %i bytes in %s', (size_bytes, precision, words) => expect(fileWords({ size_bytes, precision })).toBe(words))

  it.each([
    ['nuclei_val', 'Nuclei validation', false],
    ['dic_cells_kept_fields', 'DIC cells kept fields', false],
    ['spheroids_other_source_pseudo', 'Spheroids other source', true],
    ['pseudopods', 'Pseudopods', false],
  ])('tried on %s', (name, words, pseudo) => expect(setWords(name)).toEqual({ words, pseudo }))
})

it('takes the ending off a name', () => {
  expect(stem('a.b.png')).toBe('a.b')
  expect(stem('plain')).toBe('plain')
  expect(stem('.png')).toBe('.png')
})

it('says why there is no connection', () => {
  expect(away(closeOf(1001))).toBe('The hub is restarting.')
  expect(away(closeOf(1006))).toBe('The connection was lost.')
})
