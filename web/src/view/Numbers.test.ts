// @vitest-environment happy-dom
import { flushSync } from 'svelte'
import { expect, it, vi } from 'vitest'
import { all, button, choose, fill, mounted, one, settle } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import { Api, Failure } from '../lib/api'
import type { Client } from '../lib/client'
import type { Job, Result, SegmentedObject } from '../lib/protocol'
import Numbers from './Numbers.svelte'

const job = (id: string, image: string, revision = 1): Job => ({ id, image_id: image, page: 0, pages: 1, filename: `${image}.png`, model: 'unet', state: 'done', revision, count: 2 }) as Job
const list = (...jobs: Job[]): ReadonlyMap<string, Job> => new Map(jobs.map((each) => [each.id, each]))

it('spreads the objects of each picture once, as they are now', async () => {
  localStorage.setItem('seghub.numbers', JSON.stringify({ tab: 'histogram' }))
  const jobs = reactive(list(job('1', 'a'), job('2', 'b'), job('3', 'c')))
  const found = Array.from({ length: 2 }, (_, id) => ({ id, polygon: [], holes: [], area: 5 }) as unknown as SegmentedObject)
  const result = vi.fn(async (id: string) => ({ job: id, objects: found, summary: { count: 2, total_area: 10, coverage: 0.1 } }) as unknown as Result)
  mounted(Numbers, {
    client: { result, persist: (ask: () => Promise<Result>) => ask() } as unknown as Client,
    api: new Api(), job: job('1', 'a'), models: [], result: null, trouble: '', pixelSize: null, selected: new Set<string>(), hovered: null, picked: null, choose: () => undefined,
    get jobs() {
      return jobs.value
    },
  })
  await settle()
  expect(result).not.toHaveBeenCalled() // before they are wanted
  choose(all<HTMLSelectElement>('select')[1]!, 'all')
  await settle()
  expect(one('.summary').textContent).toContain('n = 6')
  const scaled = (each: Job, pixel_size: number) => ({ ...each, pixel_size })
  jobs.value = list(scaled(job('1', 'a'), 0.5), scaled(job('2', 'b'), 1), job('3', 'c'))
  await settle()
  expect(one('.axis').textContent).toMatch(/^5.*6$/) // pixels, as long as an image has no size
  jobs.value = list(scaled(job('1', 'a'), 0.5), scaled(job('2', 'b'), 1), scaled(job('3', 'c'), 2))
  await settle()
  expect(one('.axis').textContent).toMatch(/^1.25.*20.0$/) // each by its own
  jobs.value = list(job('1', 'a', 2), job('2', 'b'), job('4', 'b')) // corrected, segmented again, removed
  await settle()
  flushSync()
  expect(one('.summary').textContent).toContain('n = 4')
  button('Images').click() // where sums are enough
  await settle()
  button('Histogram').click()
  await settle()
  expect(one('.summary').textContent).toContain('n = 4')
})

it('tells the hub the pixel size that is typed, of the image that is shown then', async () => {
  localStorage.setItem('seghub.numbers', JSON.stringify({ tab: 'objects' }))
  const api = new Api()
  const calibrate = vi.spyOn(api, 'calibrate').mockResolvedValue()
  const shown = reactive(job('1', 'a'))
  const objects = [{ id: 1, polygon: [], holes: [], area: 5, centroid: [1, 1], bbox: [0, 0, 1, 1] } as unknown as SegmentedObject]
  mounted(Numbers, {
    client: {} as Client, api, jobs: list(job('1', 'a'), job('2', 'b')), models: [], trouble: '', selected: new Set<string>(), hovered: null, picked: null, choose: () => undefined,
    result: { job: '1', objects, summary: { count: 1, total_area: 5, coverage: 0.1 } } as unknown as Result,
    get job() {
      return shown.value
    },
    get pixelSize() {
      return shown.value.pixel_size ?? null
    },
  })
  const type = (value: string) => {
    const field = one<HTMLInputElement>('.units input')
    field.value = value
    field.dispatchEvent(new Event('change', { bubbles: true }))
    return settle()
  }
  await type('0,25') // a number field in an English browser would make 25 of it
  await type('0,25 µm')
  await type('')
  expect(calibrate.mock.calls).toEqual([['a', 0.25], ['a', null]])
  shown.value = { ...shown.value, pixel_size: 0.5 } // somebody of the session has said it elsewhere
  await settle()
  expect(one<HTMLInputElement>('.units input').value).toBe('0.5')

  await type('')
  expect(one<HTMLInputElement>('.units input').value).toBe('0.5') // which the file says, too

  calibrate.mockRejectedValueOnce(new Failure('bad_request', '', 'It is above 0.', 400))
  await type('-1')
  expect(one('.units [role=alert]').textContent).toContain('above 0')
  shown.value = { ...job('2', 'b'), pixel_size: 0.5 }
  await settle()
  expect(one<HTMLInputElement>('.units input').value).toBe('0.5')
  expect(all('.units [role=alert]')).toEqual([])
})

it('asks once for what the hub does not have, and not for as long as the table is looked at', async () => {
  localStorage.setItem('seghub.numbers', JSON.stringify({ tab: 'images' }))
  const result = vi.fn(async (id: string) => {
    await new Promise((resolve) => setTimeout(resolve))
    if (id === '2') throw new Failure('not_found', '', '', 404)
    return { job: id, objects: [], summary: { count: 3, total_area: 5, coverage: 0.1 } } as unknown as Result
  })
  mounted(Numbers, {
    client: { result, persist: (ask: () => Promise<Result>) => ask() } as unknown as Client,
    api: new Api(), jobs: list(...Array.from({ length: 9 }, (_, index) => job(`${index}`, `image${index}`))),
    job: job('1', 'image1'), models: [], result: null, trouble: '', pixelSize: null, selected: new Set<string>(), hovered: null, picked: null, choose: () => undefined,
  })
  for (let i = 0; i < 10; i++) await settle()
  expect(result.mock.calls.map(([id]) => id)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8'])
})

it('says why nothing was copied', async () => {
  localStorage.setItem('seghub.numbers', JSON.stringify({ tab: 'images' }))
  vi.spyOn(navigator.clipboard, 'writeText').mockRejectedValueOnce(new DOMException('Write permission denied.', 'NotAllowedError'))
  mounted(Numbers, {
    client: { result: async () => found('1'), persist: (ask: () => Promise<Result>) => ask() } as unknown as Client,
    api: new Api(), jobs: list(job('1', 'a')), job: job('1', 'a'), models: [], result: null, trouble: '', pixelSize: null, selected: new Set<string>(), hovered: null, picked: null, choose: () => undefined,
  })
  const copy = () => (button('Copy').click(), settle())
  await settle()
  await copy()
  expect(one('[role=alert]').textContent).toContain('denied')
  await copy()
  expect([all('[role=alert]').length, button('Copied').textContent]).toEqual([0, 'Copied'])
})

const inChannels = (id: number, ...mean_intensity: number[]) => ({ id, polygon: [], holes: [], area: 5, centroid: [1, 1], bbox: [0, 0, 1, 1], mean_intensity }) as unknown as SegmentedObject
const found = (id: string, ...objects: SegmentedObject[]) => ({ job: id, objects, summary: { count: objects.length, total_area: 5, coverage: 0.1 } }) as unknown as Result

it('filters by what the heads of all columns say, those of channels too', () => {
  localStorage.setItem('seghub.numbers', JSON.stringify({ tab: 'objects' }))
  mounted(Numbers, {
    client: {} as Client, api: new Api(), jobs: list(job('1', 'a')), job: job('1', 'a'), models: [], result: found('1', inChannels(1, 3, 9), inChannels(2, 3, 4)), trouble: '', pixelSize: null,
    selected: new Set<string>(), hovered: null, picked: null, choose: () => undefined,
  })
  const filter = (text: string) => {
    fill(one<HTMLInputElement>('.query .field'), text)
    return [one<HTMLInputElement>('.query .field').getAttribute('aria-invalid'), all('tr[data-row]').length]
  }
  const heads = all('.columns label').map(({ textContent }) => textContent!.trim())
  expect(heads).toContain('Mean intensity 2')
  for (const head of heads) expect([head, filter(`${head} > 0`)]).toEqual([head, ['false', 2]])
  expect(filter('mean intensity 2 > 5')).toEqual(['false', 1])
})

it('says which measure is spread where the chosen one is not that of all images', async () => {
  localStorage.setItem('seghub.numbers', JSON.stringify({ tab: 'histogram' }))
  const results: Record<string, Result> = { 1: found('1', inChannels(1, 3)), 2: found('2', inChannels(1, 3, 9), inChannels(2, 3, 4)) }
  const shown = reactive('2')
  mounted(Numbers, {
    client: { result: async (id: string) => results[id]!, persist: (ask: () => Promise<Result>) => ask() } as unknown as Client,
    api: new Api(), jobs: list(job('1', 'a'), job('2', 'b')), models: [], trouble: '', pixelSize: null, selected: new Set<string>(), hovered: null, picked: null, choose: () => undefined,
    get job() {
      return job(shown.value, shown.value)
    },
    get result() {
      return results[shown.value]!
    },
  })
  const measure = () => one<HTMLSelectElement>('select').selectedOptions[0]?.textContent
  const spread = () => [measure(), one('.bars').getAttribute('aria-label'), /n = \d+/.exec(one('.summary').textContent!)?.[0]]
  choose(one<HTMLSelectElement>('select'), 'mean_intensity 2')
  expect(spread()).toEqual(['Mean intensity 2', 'Mean intensity 2', 'n = 2'])
  shown.value = '1' // of one channel
  await settle()
  expect(spread()).toEqual(['Area', 'Area', 'n = 1'])
  choose(all<HTMLSelectElement>('select')[1]!, 'all')
  await settle()
  await settle()
  expect(spread()).toEqual(['Mean intensity 2', 'Mean intensity 2', 'n = 2']) // which some of them have
})

it('says that more is to come of all images, and copies no table with holes', async () => {
  localStorage.setItem('seghub.numbers', JSON.stringify({ tab: 'histogram' }))
  const write = vi.spyOn(navigator.clipboard, 'writeText').mockReset().mockResolvedValue()
  let answer = () => {}
  const later = new Promise<void>((resolve) => (answer = resolve))
  const result = async (id: string) => {
    if (id === '2') await later
    return found(id, inChannels(1, 3))
  }
  mounted(Numbers, {
    client: { result, persist: (ask: () => Promise<Result>) => ask() } as unknown as Client,
    api: new Api(), jobs: list(job('1', 'a'), job('2', 'b')), job: job('1', 'a'), models: [], result: found('1', inChannels(1, 3)), trouble: '', pixelSize: null,
    selected: new Set<string>(), hovered: null, picked: null, choose: () => undefined,
  })
  const said = () => all('#numbers [role=status]').map(({ textContent }) => textContent)
  expect(said()).toEqual([])
  choose(all<HTMLSelectElement>('select')[1]!, 'all')
  await settle()
  expect([said(), one('#numbers').textContent]).toEqual([['Reading what was found…'], expect.not.stringContaining('No object has')])
  button('Images').click()
  await settle()
  button('Copy').click()
  await settle()
  expect([write.mock.calls, one('[role=alert]').textContent]).toEqual([[], 'Reading what was found…'])
  answer()
  await settle()
  await settle()
  expect([said(), all('[role=alert]')]).toEqual([[], []])
  button('Copy').click()
  await settle()
  expect(write.mock.calls[0]![0].split('\n').slice(1)).toEqual([expect.stringMatching(/^a.png\t1\t5\t/), expect.stringMatching(/^b.png\t1\t5\t/)])
})
