// @vitest-environment happy-dom
import { flushSync } from 'svelte'
import { beforeEach, expect, it, vi } from 'vitest'
import { all, button, choose, fill, mounted, one, press, settle } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import { Api } from '../lib/api'
import type { Client, View } from '../lib/client'
import { Masks } from '../lib/masks'
import type { Job, JobState } from '../lib/protocol'
import { initialState } from '../lib/state'
import ImageList from './ImageList.svelte'

function job(number: number, state: JobState = 'done'): Job {
  return {
    id: `job${number}`, image_id: `image${number}`, filename: `well ${number}.png`, width: 64, height: 64, page: 0, pages: 1, model: 'unet', count: number, state, stage: '', percent: 0,
    error: null, created_at: '', started_at: null, finished_at: null, timing_ms: { queued: 0, decode: 0, infer: 0, postprocess: 0, total: 100 },
  }
}

const client = {
  cancel: vi.fn(() => Promise.resolve()), cancelAll: vi.fn(() => Promise.resolve()), removeImages: vi.fn(() => Promise.resolve()), again: vi.fn(() => Promise.resolve([])),
  removeUploads: vi.fn(),
}
const api = Object.assign(new Api(), { preview: () => Promise.reject(new Error('no pictures here')) })
let chosen: { value: string }
let selected: { value: ReadonlySet<string> }

beforeEach(() => vi.clearAllMocks())

function shown(jobs: Job[]) {
  chosen = reactive(jobs[0]!.id)
  selected = reactive<ReadonlySet<string>>(new Set())
  const view = { hub: { ...initialState, jobs: new Map(jobs.map((each) => [each.id, each])) }, pending: [], models: [], samples: [] } as unknown as View
  mounted(ImageList, {
    client: { ...client, persist: (ask: () => Promise<unknown>) => ask(), masks: new Masks(() => Promise.reject(new Error('no masks here'))) } as unknown as Client,
    api, view, again: vi.fn(),
    choose: (id: string) => (chosen.value = id),
    get chosen() {
      return chosen.value
    },
    get selected() {
      return selected.value
    },
    set selected(next) {
      selected.value = next
    },
  })
}

const names = () => all('.name').map(({ textContent }) => textContent)
const row = (number: number) => one(`[data-job=job${number}] .choose`)

it('finds images by name, by state and in another order', () => {
  shown([...Array.from({ length: 9 }, (_, index) => job(index + 1)), job(10, 'failed')])
  fill(one('[type=search]'), '1')
  expect(names()).toEqual(['well 1.png', 'well 10.png'])
  expect(one('.pace').textContent).toContain('2 of 10')
  choose(one('select'), 'failed')
  expect(names()).toEqual(['well 10.png'])
  fill(one('[type=search]'), 'plate')
  expect(one('.pace').textContent).toContain('No image')
  choose(one('select'), 'all')
  fill(one('[type=search]'), '')
  choose(all<HTMLSelectElement>('select')[1]!, 'count')
  expect(names()[0]).toBe('well 10.png')
})

it('has all that is told above the list in its place before and after a run', () => {
  const heights = [[job(1), job(2, 'queued')], [job(1), job(2)]].map((jobs) => {
    document.body.replaceChildren()
    shown(jobs)
    return [all('.bar').length, all('.sum').length]
  })
  expect(heights).toEqual([[1, 1], [1, 1]])
  expect(one('.sum').textContent).toBe('3 objects in all')
})

it('is read aloud when all is done, and not with each image', () => {
  const told = [[job(1), job(2, 'queued')], [job(1), job(2)]].map((jobs) => {
    document.body.replaceChildren()
    shown(jobs)
    return one('header p').getAttribute('aria-live')
  })
  expect(told).toEqual(['off', 'polite'])
})

it('selects by Space, and several by Shift and arrows', async () => {
  shown([job(1), job(2), job(3)])
  press(row(1), 'ArrowDown', { shiftKey: true })
  await settle()
  expect([...selected.value].sort()).toEqual(['job1', 'job2'])
  press(row(2), ' ')
  expect([...selected.value]).toEqual(['job1'])
  expect(one('.batch strong').textContent).toBe('1 selected')
})

it('has selected, for an export too, no more than it shows and says', () => {
  shown(Array.from({ length: 9 }, (_, index) => job(index + 1)))
  row(1).focus()
  press(row(1), 'a', { ctrlKey: true })
  expect(selected.value.size).toBe(9)
  fill(one('[type=search]'), '3')
  expect(one('.batch strong').textContent).toBe('1 selected')
  expect([...selected.value]).toEqual(['job3'])
  fill(one('[type=search]'), '')
  expect(selected.value.size).toBe(9)
})

it('asks before images are deleted, and deletes those that are selected', async () => {
  shown([job(1), job(2)])
  press(row(1), 'a', { ctrlKey: true })
  press(row(1), 'Delete')
  expect(one('dialog').textContent).toContain('Remove 2 images?')
  expect(client.removeImages).not.toHaveBeenCalled()
  all<HTMLButtonElement>('dialog button').at(-1)!.click()
  await settle()
  expect(client.removeImages).toHaveBeenCalledWith(['image1', 'image2'])
  expect(selected.value.size).toBe(0)
})

it('says how much goes with one page of a file', () => {
  const page = (number: number) => ({ ...job(number), image_id: 'stack', page: number, pages: 3 })
  shown([page(0), page(1), page(2), { ...page(2), id: 'job4', model: 'hrnet' }])
  expect(one('header p').textContent).toContain('3 images') // with four results
  press(row(1), 'Delete')
  expect(one('dialog').textContent).toMatch(/Remove 1 image\?.*all results \(4\)/)
})

it('cancels all that is not done, or tries again what failed', async () => {
  shown([job(1), job(2, 'queued')])
  button('Cancel all').click()
  await settle()
  expect(client.cancelAll).toHaveBeenCalledOnce()
  document.body.replaceChildren()
  shown([job(1), job(2, 'failed'), { ...job(3, 'failed'), page: 1, pages: 40 }])
  button('Retry failed').click()
  await settle()
  expect(client.again.mock.calls).toEqual([[['image2'], 'unet', {}], [['image3'], 'unet', { pages: '2' }]])
})

it('says what went wrong', async () => {
  client.cancelAll.mockRejectedValueOnce(new Error('It will not stop.'))
  shown([job(1, 'running')])
  button('Cancel all').click()
  await settle()
  flushSync()
  expect(one('[role=alert]').textContent).toBe('It will not stop.')
})

it('tells who listens one page of a stack, and one result of a picture, from the other', () => {
  const page = (number: number) => ({ ...job(number), image_id: 'stack', filename: 'stack.tif', pages: 2, page: number - 1 })
  shown([page(1), page(2), { ...job(3), options: { threshold: 0.5 } } as Job, { ...job(4), image_id: 'image3', filename: 'well 3.png', model: 'hrnet', options: { threshold: 0.5 } } as Job])
  const labels = all<HTMLInputElement>('.pick').map((box) => box.getAttribute('aria-label'))
  expect(labels).toHaveLength(4)
  expect(new Set(labels).size).toBe(4)
  expect(labels[0]).toBe('Select stack.tif, page 1 of 2')
})
