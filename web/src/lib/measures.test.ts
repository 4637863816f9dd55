import { describe, expect, it } from 'vitest'
import { calibrated, filterOf, histogramOf, imageColumns, objectColumns, sorted, tableText, type ImageRow } from './measures'
import type { Job, SegmentedObject } from './protocol'

const object = (id: number, area: number, rest: Partial<SegmentedObject> = {}): SegmentedObject =>
  ({ id, area, perimeter: 10, centroid: [4, 6], mean_probability: 0.5, polygon: [], holes: [], bbox: [0, 0, 1, 1], ...rest }) as SegmentedObject
const objects = [object(1, 300), object(2, 100), object(3, 200)]
const columns = objectColumns(objects, null)

it('has a column for what is known, and for each channel', () => {
  expect(objectColumns([object(1, 2, { mean_intensity: [3, 4] })], null).map(({ id }) => id)).toEqual([
    'id', 'area', 'perimeter', 'mean_probability', 'x', 'y', 'mean_intensity 1', 'mean_intensity 2',
  ])
})

it('gives lengths in µm and areas in µm² where the pixel size is known', () => {
  const value = (id: string) => objectColumns(objects, 0.5).find((column) => column.id === id)!.value(objects[0]!)
  expect(['area', 'perimeter', 'x', 'mean_probability'].map(value)).toEqual([75, 5, 2, 0.5])
})

it('gives the areas of images in µm² where the pixel size of all is known', () => {
  const image = (pixel_size: number | null, count = 2) => ({ job: { pixel_size, count }, model: '', result: { summary: { count, total_area: 8, coverage: 0.5 } } }) as ImageRow
  const areas = (...rows: ImageRow[]) => {
    const columns = imageColumns(calibrated(rows.map(({ job }) => job)))
    return rows.map((row) => ['total_area', 'mean_area'].map((id) => columns.find((column) => column.id === id)!.value(row)))
  }
  expect(areas(image(0.5), image(2, 0))).toEqual([[2, 1], [32, null]])
  expect(areas(image(0.5), image(null))).toEqual([[8, 4], [8, 4]])
})

it('sorts, what lacks the measure last', () => {
  const column = { id: 'a', digits: 0, value: ({ area }: SegmentedObject) => (area === 200 ? null : area) }
  expect(sorted(objects, column, true).map(({ id }) => id)).toEqual([2, 1, 3])
  expect(sorted(objects, column, false).map(({ id }) => id)).toEqual([1, 2, 3])
})

describe('a filter', () => {
  const title = (id: string) => ({ area: 'Fläche', mean_probability: 'Probability' })[id] ?? id
  const kept = (text: string) => {
    const filter = filterOf(text, columns, title, 'en')
    return filter && objects.filter(filter).map(({ id }) => id)
  }
  it.each([
    ['', [1, 2, 3]],
    ['area > 100', [1, 3]],
    ['area>=100 and area < 300', [2, 3]],
    ['Fläche > 150,5', [1, 3]],
    ['area < 1,000', [1, 2, 3]],
    ['area', null],
    ['size > 3', null],
  ])('%s', (text, want) => expect(kept(text)).toEqual(want))
})

it('copies a table as spreadsheets paste it', () => {
  expect(tableText(objects.slice(0, 2), columns.slice(0, 2), (id) => id.toUpperCase(), 'en')).toBe('ID\tAREA\n1\t300\n2\t100')
  expect(tableText([object(1, 25.7)], columns.slice(1, 2), (id) => id, 'de')).toBe('area\n25,7')
})

it('copies names that a spreadsheet would take for formulas, or for the beginning of a long cell, as names', () => {
  const copied = (filename: string) => tableText([{ job: { filename, pages: 1 } as Job, model: '', result: null }], imageColumns(false).slice(0, 1), (id) => id, 'en').split('\n')[1]
  expect(['=1+1.png', '+drug.tif', '-5 uM.tif', '@4C.tif'].map(copied)).toEqual(["'=1+1.png", "'+drug.tif", "'-5 uM.tif", "'@4C.tif"])
  expect(copied('"A" 1.tif')).toBe('"""A"" 1.tif"')
  expect(copied('5" - A=1.tif')).toBe('5" - A=1.tif')
})

it('tells pages and channels of one file apart', () => {
  const named = (job: Partial<Job>) => imageColumns(false)[0]!.value({ job: { filename: 'a.lsm', pages: 1, page: 0, ...job } as Job, model: '', result: null })
  expect([{}, { sample: 0 }, { sample: 2 }, { pages: 5, page: 3 }, { pages: 5, page: 3, sample: 1 }].map(named)).toEqual(['a.lsm', 'a.lsm', 'a.lsm (C3)', 'a.lsm (4)', 'a.lsm (4, C2)'])
})

describe('a histogram', () => {
  it('counts every value once, and knows their middle and spread', () => {
    const histogram = histogramOf([1, 2, 3, 4])!
    expect(histogram.counts.reduce((sum, n) => sum + n)).toBe(4)
    expect(histogram).toMatchObject({ low: 1, high: 4, n: 4, mean: 2.5, median: 2.5 })
    expect(histogram.sd).toBeCloseTo(1.29099, 5)
  })
  it('bears one value, and none', () => {
    expect(histogramOf([7])).toMatchObject({ counts: [1], median: 7, sd: 0 })
    expect(histogramOf([])).toBeNull()
  })
})
