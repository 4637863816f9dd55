// @vitest-environment happy-dom
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cookieRefused, signInOnTheWay, tooLargeOnTheWay, unreachable } from '../lib/api'
import { closeOf } from '../lib/closecodes'
import { downloadName, setWords, stem } from '../lib/names'
import type { Job, Session } from '../lib/protocol'
import { unreadable } from '../lib/uploads'
import { pick, problem, speak } from '.'
import { cs } from './cs'
import { de } from './de'
import { en } from './en'

it.each([
  [1, '1st'],
  [2, '2nd'],
  [3, '3rd'],
  [4, '4th'],
  [11, '11th'],
  [22, '22nd'],
  [112, '112th'],
])('%i is %s', (n, words) => expect(en.ordinal(n)).toBe(words))

it.each([
  [3, 'a few seconds'],
  [42, 'about 40 s'],
  [57.4, 'about 55 s'],
  [58, 'about 1 min'],
  [7_300, 'about 2 h'],
])('%d seconds are %s', (seconds, words) => expect(en.about(seconds)).toBe(words))

it.each([
  [204, '204 ms'],
  [1_500, '1.5 s'],
  [59_960, '1 min 0 s'],
  [90_000, '1 min 30 s'],
])('%d ms took %s', (ms, words) => expect(en.duration(ms)).toBe(words))

describe('the place of a session', () => {
  const session = { state: 'waiting', slot: null, position: 2, eta_seconds: 40 } as Session
  it.each<[Partial<Session>, string]>([
    [{}, 'You are 2nd in line, about 40 s.'],
    [{ eta_seconds: null }, 'You are 2nd in line.'],
    [{ position: null, eta_seconds: null }, 'You are in line.'],
    [{ state: 'active', slot: 0, position: null }, 'Slot 1 is yours.'],
    [{ state: 'idle', position: null }, 'Add images to begin.'],
  ])('%j: %s', (change, words) => expect(en.place({ ...session, ...change })).toBe(words))
})

describe('a job', () => {
  const job = { state: 'queued', stage: '', error: null, timing_ms: { queued: 9_500, total: 9_900 } } as Job
  const error = { type: '', title: 'The model failed', status: 500, detail: 'Out of memory.', code: 'inference_failed' }
  it.each<[Partial<Job>, boolean, string]>([
    [{}, false, 'Queued'],
    [{}, true, 'Waiting for a slot'],
    [{ state: 'running', stage: 'infer' }, false, 'Segmenting'],
    [{ state: 'running', stage: 'polish' as 'infer' }, false, 'Working'],
    [{ state: 'done' }, false, 'Done, waited 9.5 s, took 400 ms'],
    [{ state: 'done', timing_ms: { ...job.timing_ms, queued: 3, total: 203 } }, false, 'Done, took 200 ms'],
    [{ state: 'failed', error }, false, 'Out of memory.'],
    [{ state: 'failed', error: { ...error, detail: '' } }, false, 'The model failed'],
    [{ state: 'failed' }, false, 'It failed, and the hub did not say why.'],
    [{ state: 'cancelled' }, false, 'Cancelled'],
  ])('%j: %s %s', (change, waiting, words) => expect(en.job({ ...job, ...change }, waiting)).toBe(words))
})

it('counts', () => {
  expect(en.count(1, 'image')).toBe('1 image')
  expect(en.count(0, 'image')).toBe('0 images')
  expect(en.count(1_200, 'file was', 'files were')).toBe('1,200 files were')
})

describe('a model', () => {
  it.each([
    ['fit', 1, 'The whole image at once, in grey, scaled to fit into 512 × 256 pixels.'],
    ['native', 3, 'The image at its own resolution, in colour, in tiles of 512 × 256 pixels that overlap.'],
  ] as const)('that takes images as %s', (scaling, channels, words) =>
    expect(en.model.intake({ input: { width: 512, height: 256, channels, scaling } })).toBe(words))

  it.each([
    [4_833_953, 'fp32', '4.8 MB, 32-bit floating point'],
    [990_000, 'int8', '1.0 MB, 8-bit integers'],
    [1_000_000, 'bf16' as 'fp16', '1.0 MB, bf16'],
  ] as const)('of %i bytes in %s', (size_bytes, precision, words) => expect(en.model.fileWords({ size_bytes, precision })).toBe(words))

  it.each([
    ['nuclei_val', 'Nuclei validation', false],
    ['dic_cells_kept_fields', 'DIC cells kept fields', false],
    ['spheroids_other_source_pseudo', 'Spheroids other source', true],
    ['pseudopods', 'Pseudopods', false],
  ])('tried on %s', (name, words, pseudo) => expect(setWords(name, en.model.sets)).toEqual({ words, pseudo }))
})

it('takes the ending off a name', () => {
  expect(['a.b.png', 'plain', '.png'].map(stem)).toEqual(['a.b', 'plain', '.png'])
})

it('has a download say what made it', () => {
  const job = { filename: 'well 3.tif', page: 1, pages: 4, model: 'hrnet', options: { threshold: 0.5 } } as Job
  expect(downloadName(job, 'mask')).toBe('well 3-p2-hrnet-0.50-mask')
})

it('says why there is no connection', () => {
  expect(en.banner.away(closeOf(1001))).toBe('The hub is restarting.')
  expect(en.banner.away(closeOf(1006))).toBe('The connection was lost.')
})

it('speaks the first language that it knows of those that are wanted', () => {
  expect([pick(['fr', 'de-AT', 'en']), pick(['', 'CS']), pick(['fr'])]).toEqual(['de', 'cs', 'en'])
})

it('says what the hub says in English in other languages, and keeps what it knows more', async () => {
  expect(problem('queue_full', 'The queue holds 10000 jobs.')).toBe('The queue holds 10000 jobs.')
  await speak('de')
  try {
    expect(problem('queue_full', 'The queue holds 10000 jobs.')).toBe('Die Warteschlange dieser Sitzung ist voll.')
    expect(problem('unsupported_format', 'This TIFF holds 64-bit floats.')).toBe('Dieses Dateiformat wird hier nicht gelesen. (This TIFF holds 64-bit floats.)')
    expect(problem('brand_new', 'Something.')).toBe('Something.')
  } finally {
    await speak('en')
  }
})

it.each([['German', de], ['Czech', cs]])('has a %s word for every code, those of the page among them', (_, { problems }) => {
  const contract = readFileSync(join(import.meta.dirname, '../../../api/openapi.yaml'), 'utf8')
  const codes = /^    Code:[^]*?enum:\n((?: +- \w+\n)+)/m.exec(contract)![1]!.match(/\w+/g)!
  expect(codes.length).toBeGreaterThan(20)
  expect([...codes, unreachable, tooLargeOnTheWay, signInOnTheWay, cookieRefused, unreadable].filter((code) => !problems[code])).toEqual([])
})

describe.each([['German', de], ['Czech', cs]])('%s', (_, words) => {
  it('says everything in words of its own', () => {
    const same = leaves(words).filter(([way, value]) => value === english.get(way) && !value.startsWith('Feret') && /[a-z]{4}.* .*[a-z]{3}/.test(value))
    expect(same.map(([way]) => way)).toEqual([])
  })
})

/** The texts of a language that are no functions, by their way there. */
function leaves(value: unknown, way = ''): [string, string][] {
  if (typeof value === 'string') return [[way, value]]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inside]) => leaves(inside, `${way}.${name}`))
}
const english = new Map(leaves(en))

it('has a German and a Czech that count', () => {
  expect([de.objects(1), de.objects(1_200), de.list.failed(2)]).toEqual(['1 Objekt', '1.200 Objekte', '2 fehlgeschlagen'])
  expect([1, 3, 5].map(cs.objects)).toEqual(['1 objekt', '3 objekty', '5 objektů'])
  expect([1, 2].map(de.slots.waiting)).toEqual(['1 wartet', '2 warten'])
  expect([1, 3, 5].map(cs.cover.waiting).map((words) => words.match(/soubor.*přej\S+/)![0])).toEqual([
    'soubor, který ještě nedorazil, zůstává a přejde', 'soubory, které ještě nedorazily, zůstávají a přejdou', 'souborů, které ještě nedorazily, zůstává a přejde',
  ])
  expect([1, 3, 5].map(cs.signIn.held)).toEqual(['1 soubor tu čeká a bude', '3 soubory tu čekají a budou', '5 souborů tu čeká a bude'].map((words) => `${words} se segmentovat, až začnete.`))
})
