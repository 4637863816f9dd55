import { describe, expect, it } from 'vitest'
import type { Job } from './protocol'
import { arrange, everything, failedOf, objectsIn, paceOf, pagesOf } from './rows'

const job = (id: string, image: string, rest: Partial<Job> = {}): Job => ({ id, image_id: image, filename: `${image}.png`, page: 0, state: 'done', count: 1, ...rest }) as Job
const ids = (jobs: Job[], query = {}) => arrange(jobs, { ...everything, ...query }).map(({ job, first }) => `${first ? '' : '+'}${job.id}`)

describe('the list', () => {
  const jobs = [job('1', 'b', { count: 4 }), job('2', 'a10', { count: 9 }), job('3', 'b'), job('4', 'a9', { state: 'failed', count: null })]

  it('has results of one picture together', () => expect(ids(jobs)).toEqual(['1', '+3', '2', '4']))
  it('keeps pages of one file apart', () => expect(ids([job('1', 'a'), job('2', 'a', { page: 1 }), job('3', 'a')])).toEqual(['1', '+3', '2']))
  it('is searched by name', () => expect(ids(jobs, { search: ' A1' })).toEqual(['2']))
  it('is searched by name whichever way accents are written', () => {
    const [mac, typed] = [job('1', 'Pra\u0308parat C\u030C4'), job('2', 'Pr\u00E4parat \u010C4')]
    for (const search of ['pr\u00E4p', 'pra\u0308p', '\u010D4']) expect(ids([mac, typed], { search })).toEqual(['1', '2'])
  })
  it('is filtered by state', () => expect(ids(jobs, { state: 'failed' })).toEqual(['4']))
  it('is ordered by name, as people count', () => expect(ids(jobs, { order: 'name' })).toEqual(['4', '2', '1', '+3']))
  it('is ordered by count, the most first', () => expect(ids(jobs, { order: 'count' })).toEqual(['2', '1', '+3', '4']))
})

describe('the pages of a file', () => {
  const at = (threshold: number, page: number): Partial<Job> => ({ model: 'm', page, options: { threshold }, created_at: `${threshold} ${page}` })
  const jobs = [
    job('1', 'a', at(0.5, 0)), job('2', 'a', at(0.5, 1)), job('3', 'a', at(0.7, 0)), job('4', 'a', at(0.7, 1)), job('5', 'a', { ...at(0.5, 1), model: 'other' }),
    job('6', 'b', at(0.5, 1)),
  ]
  const pages = (of: number, all = jobs) => pagesOf(all, all[of]!).map(({ id }) => id)

  it('are one however often it was segmented', () => expect(pages(0, [job('1', 'a', at(0.5, 0)), job('2', 'a', at(0.7, 0))])).toEqual(['1']))
  it('are of the request of the one that is shown, whatever threshold was kept since', () => {
    const twice = ['x', 'x', 'y', 'y'].map((created_at, i) => job(String(i), 'a', { ...at(i === 0 ? 0.3 : 0.5, i % 2), created_at }))
    expect(pages(0, twice)).toEqual(['0', '1'])
    expect(pages(2, twice)).toEqual(['2', '3'])
  })
  it('are of the settings of the one that is shown', () => {
    expect(pages(0)).toEqual(['1', '2'])
    expect(pages(3)).toEqual(['3', '4'])
  })
  it('are the newest of those, but of no settings rather than of none', () => {
    expect(pages(0, [...jobs, job('7', 'a', at(0.5, 1))])).toEqual(['1', '7'])
    expect(pages(0, [...jobs, job('7', 'a', { ...at(0.5, 1), state: 'cancelled' })])).toEqual(['1', '2'])
    expect(pages(0, [jobs[0]!, jobs[3]!])).toEqual(['1', '4'])
  })
})

it('knows what failed and was not tried again', () => {
  const failed: Partial<Job> = { state: 'failed', model: 'm' }
  const jobs = [job('1', 'a', failed), job('2', 'a', { ...failed, page: 1 }), job('3', 'a', { model: 'm' }), job('4', 'a', { page: 1, model: 'other' })]
  expect(failedOf(jobs).map(({ id }) => id)).toEqual(['2'])
})

it('counts the objects of each picture once, by its newest result', () => {
  const jobs = [job('1', 'a', { count: 4 }), job('2', 'a', { count: 3 }), job('3', 'a', { page: 1, count: 5 }), job('4', 'b', { state: 'failed', count: null })]
  expect(objectsIn(jobs)).toBe(8)
})

describe('the pace', () => {
  const at = (second: number) => job(String(second), 'x', { finished_at: new Date(second * 1000).toISOString() })
  const queued = [job('q', 'q', { state: 'queued' }), job('r', 'r', { state: 'running' })]

  it('is that of the images that ended last', () => expect(paceOf([at(10), at(11), at(12), ...queued])).toEqual({ perSecond: 1, secondsLeft: 2 }))
  it('is not known from few', () => expect(paceOf([at(10), at(11), ...queued])).toBeNull())
  it('does not matter when all is done', () => expect(paceOf([at(10), at(11), at(12)])).toBeNull())
})
