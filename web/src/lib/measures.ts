// What is measured of objects and of images, as columns of a table: sorted, filtered, copied, counted into bars.

import { sampleOf } from './channels'
import { numberOf, spelt } from './decimals'
import { byName } from './names'
import type { Job, Result, SegmentedObject } from './protocol'

export interface Column<Row> {
  id: string
  /** null where a row lacks it. */
  value: (row: Row) => number | string | null
  digits: number
}

const areas = new Set(['area'])
const lengths = new Set(['perimeter', 'equivalent_diameter', 'feret_max', 'feret_min'])

/** objectColumns are what is known of these objects; lengths are in µm where the pixel size is given. */
export function objectColumns(objects: readonly SegmentedObject[], pixelSize: number | null): Column<SegmentedObject>[] {
  const plain = [
    'area', 'perimeter', 'equivalent_diameter', 'circularity', 'solidity', 'convexity', 'extent', 'aspect_ratio', 'feret_max', 'feret_min',
    'sphericity', 'compactness', 'mean_probability',
  ] as const
  const [first] = objects
  const columns: Column<SegmentedObject>[] = [{ id: 'id', value: ({ id }) => id, digits: 0 }]
  for (const id of plain) {
    if (first && first[id] === undefined) continue
    const factor = pixelSize === null ? 1 : areas.has(id) ? pixelSize ** 2 : lengths.has(id) ? pixelSize : 1
    const digits = factor !== 1 || lengths.has(id) ? 1 : areas.has(id) ? 0 : 2
    columns.push({ id, value: (object) => (object[id] === undefined ? null : object[id] * factor), digits })
  }
  for (const [axis, id] of [[0, 'x'], [1, 'y']] as const) {
    columns.push({ id, value: ({ centroid }) => centroid[axis] * (pixelSize ?? 1), digits: pixelSize === null ? 0 : 1 })
  }
  for (const id of ['mean_intensity', 'sd_intensity', 'integrated_intensity'] as const) {
    const channels = first?.[id]?.length ?? 0
    for (let channel = 0; channel < channels; channel++) {
      columns.push({ id: channels > 1 ? `${id} ${channel + 1}` : id, value: (object) => object[id]?.[channel] ?? null, digits: 1 })
    }
  }
  return columns
}

/** The columns that are shown before anybody asks for more. */
export const usual = ['id', 'area', 'equivalent_diameter', 'circularity', 'mean_probability']

export interface ImageRow {
  job: Job
  model: string // title
  result: Result | null // once it is known
}

/** calibrated tells whether measures of all these images can stand beside each other in µm: the pixel size of each is known. */
export function calibrated(images: readonly { pixel_size?: number | null | undefined }[]): boolean {
  return images.length > 0 && images.every(({ pixel_size }) => typeof pixel_size === 'number')
}

/** placeOf tells pictures of one file apart, as programs of the field write it: page, and C2 for a channel that has no page of its own. */
function placeOf(job: Job): string {
  const place = [job.pages > 1 ? String(job.page + 1) : '', sampleOf(job) ? `C${Number(sampleOf(job)) + 1}` : ''].filter(Boolean).join(', ')
  return place && `(${place})`
}

/** What the hub says of a job is enough for the count; areas come with the results, in µm² where that is the unit of all. */
export function imageColumns(micrometres: boolean): Column<ImageRow>[] {
  const total = ({ job, result }: ImageRow) => (result ? result.summary.total_area * (micrometres ? (job.pixel_size ?? NaN) ** 2 : 1) : null)
  const digits = micrometres ? 1 : 0
  return [
    { id: 'image', value: ({ job }) => [job.filename, placeOf(job)].filter(Boolean).join(' '), digits: 0 },
    { id: 'count', value: ({ job, result }) => result?.summary.count ?? job.count ?? null, digits: 0 },
    { id: 'total_area', value: total, digits },
    { id: 'mean_area', value: (row) => (row.result && row.result.summary.count > 0 ? total(row)! / row.result.summary.count : null), digits },
    { id: 'coverage', value: ({ result }) => (result ? result.summary.coverage * 100 : null), digits: 1 },
    { id: 'model', value: ({ model }) => model, digits: 0 },
  ]
}

/** What is added up of a result. */
export function withoutObjects(result: Result): Result {
  return { ...result, objects: [] }
}

/** What is counted of a result: without the outlines, which weigh more than all measures. */
export function withoutOutlines(result: Result): Result {
  return { ...result, objects: result.objects.map((object) => ({ ...object, polygon: [], holes: [] })) }
}

/** sorted orders rows by a column; what lacks the measure comes last. */
export function sorted<Row>(rows: readonly Row[], { value }: Column<Row>, ascending: boolean): Row[] {
  const sign = ascending ? 1 : -1
  return rows.toSorted((a, b) => {
    const [x, y] = [value(a), value(b)]
    if (x === null || y === null) return Number(x === null) - Number(y === null)
    return sign * (typeof x === 'number' && typeof y === 'number' ? x - y : byName(String(x), String(y)))
  })
}

const relations: Record<string, (a: number, b: number) => boolean> = {
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
  '=': (a, b) => a === b,
}

/**
 * filterOf reads "area > 200" (several with "and"); columns are known by their ids and by what the page calls them. null is
 * what it cannot read; an empty filter lets all rows pass.
 */
export function filterOf<Row>(text: string, columns: readonly Column<Row>[], title: (id: string) => string, locale: string): ((row: Row) => boolean) | null {
  const parts = text.trim() === '' ? [] : text.split(/\s+(?:and|und|a)\s+|&+|;/i)
  const tests: ((row: Row) => boolean)[] = []
  for (const part of parts) {
    const [, name, relation, number] = /^\s*(.+?)\s*(>=|<=|>|<|=)\s*(-?\d[\d.,\s]*)$/.exec(part) ?? []
    const wanted = name?.toLowerCase()
    const column = columns.find(({ id }) => id === wanted || title(id).toLowerCase() === wanted)
    const limit = numberOf(number ?? '', locale)
    if (!column || !relation || Number.isNaN(limit)) return null
    const holds = relations[relation]!
    tests.push((row) => {
      const value = column.value(row)
      return typeof value === 'number' && holds(value, limit)
    })
  }
  return (row) => tests.every((test) => test(row))
}

/** tableText is a table as spreadsheets paste it: tabs, and decimals as the language has them, or one in German makes 25.7 a day in July. */
export function tableText<Row>(rows: readonly Row[], columns: readonly Column<Row>[], title: (id: string) => string, locale: string): string {
  const lines = [columns.map(({ id }) => title(id)), ...rows.map((row) => columns.map(({ value }) => clean(value(row), locale)))]
  return lines.map((cells) => cells.join('\t')).join('\n')
}

function clean(value: number | string | null, locale: string): string {
  return value === null ? '' : typeof value === 'number' ? spelt(value, locale) : harmless(value.replaceAll(/[\t\n\r]/g, ' '))
}

/** What begins so is a formula to a spreadsheet, and gets an apostrophe as in the hub's CSV; a quotation mark begins a cell that takes in those after it up to the next one. */
function harmless(text: string): string {
  return /^[=+@-]/.test(text) ? `'${text}` : text.startsWith('"') ? `"${text.replaceAll('"', '""')}"` : text
}

export interface Histogram {
  low: number
  high: number
  counts: number[]
  n: number
  mean: number
  sd: number // of the sample
  median: number
}

const mostBars = 24

/** histogramOf counts values into bars of one width, as many as the square root of how many there are. */
export function histogramOf(values: readonly number[]): Histogram | null {
  if (values.length === 0) return null
  const ordered = values.toSorted((a, b) => a - b)
  const [low, last] = [ordered[0]!, ordered.at(-1)!]
  const high = last > low ? last : low + 1
  const counts = new Array<number>(Math.max(1, Math.min(mostBars, Math.ceil(Math.sqrt(values.length))))).fill(0)
  for (const value of values) counts[Math.min(counts.length - 1, Math.floor(((value - low) / (high - low)) * counts.length))]!++
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const middle = (ordered.length - 1) / 2
  const median = (ordered[Math.floor(middle)]! + ordered[Math.ceil(middle)]!) / 2
  return { low, high, counts, n: values.length, mean, sd: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0, median }
}
