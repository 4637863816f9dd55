// @vitest-environment happy-dom
import { flushSync } from 'svelte'
import { expect, it, vi } from 'vitest'
import { all, button, mounted, one, settle } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import { Api } from '../lib/api'
import type { Client, View } from '../lib/client'
import { Masks } from '../lib/masks'
import type { Job, Model, Result } from '../lib/protocol'
import { initialState } from '../lib/state'
import type { Pending } from '../lib/uploads'
import './Inspector.svelte' // which the page fetches when it stands: a busy machine takes long to
import './Numbers.svelte'
import Workspace from './Workspace.svelte'

const job = (number: number): Job => ({
  id: `job${number}`, image_id: `image${number}`, filename: `well ${number}.png`, width: 64, height: 64, page: 0, pages: 1, model: 'unet', count: null, state: 'running', stage: 'infer', percent: 0,
  error: null, created_at: '', started_at: null, finished_at: null, timing_ms: { queued: 0, decode: 0, infer: 0, postprocess: 0, total: 0 },
})

const model = { id: 'unet', title: 'U-Net', input: { width: 64, height: 64, channels: 1, scaling: 'fit' }, threshold: 0.5, min_area: 0, split_touching: false, precision: 'fp32', training_data: [], scores: {}, size_bytes: 1, loaded: true } as unknown as Model

/** Counts who goes through all jobs. */
class Counted extends Map<string, Job> {
  passes = 0
  override values() {
    this.passes++
    return super.values()
  }
  override keys() {
    this.passes++
    return super.keys()
  }
}

it('does not go through all images and files for each step of one', async () => {
  const jobs = new Counted(Array.from({ length: 20 }, (_, index) => [`job${index}`, job(index)]))
  const refuse = () => Promise.reject(new Error('none here'))
  const pending = Object.assign([] as Pending[], { filter: vi.fn(Array.prototype.filter) })
  const view = reactive({ phase: { name: 'live' }, link: { state: 'open' }, hub: { ...initialState, jobs }, pending, models: [], samples: [] } as unknown as View)
  mounted(Workspace, {
    client: { persist: (ask: () => Promise<unknown>) => ask(), masks: new Masks(refuse) } as unknown as Client,
    api: Object.assign(new Api(), { preview: refuse, info: refuse }),
    get view() {
      return view.value
    },
  })
  await vi.waitFor(() => expect(all('#image')).toHaveLength(1), 20_000)
  jobs.passes = 0
  pending.filter.mockClear()
  view.value = { ...view.value, hub: { ...view.value.hub, progress: new Map([['job19', { stage: 'infer', percent: 40 }]]) } }
  flushSync()
  expect(one('#image footer').textContent).toContain('40 %')
  expect([jobs.passes, pending.filter.mock.calls.length]).toEqual([0, 0])
})

const refuse = () => Promise.reject(new Error('none here'))
const done = (number: number, revision: number): Job => ({ ...job(number), state: 'done', revision })
const jobsOf = (...jobs: Job[]) => new Map(jobs.map((each) => [each.id, each]))

/** The page of a session with these images, once its instruments have come. */
async function page(client: Partial<Client>, ...jobs: Job[]) {
  const view = reactive({ phase: { name: 'live' }, link: { state: 'open' }, hub: { ...initialState, jobs: jobsOf(...jobs) }, pending: [], models: [model], samples: [] } as unknown as View)
  mounted(Workspace, {
    client: { persist: (ask: () => Promise<unknown>) => ask(), masks: new Masks(refuse), ...client } as unknown as Client,
    api: Object.assign(new Api(), { preview: refuse, info: refuse }),
    get view() {
      return view.value
    },
  })
  await vi.waitFor(() => expect(all('#image')).toHaveLength(1), 20_000)
  await settle()
  return {
    told: (hub: Partial<View['hub']>, part: Partial<View> = {}) => {
      view.value = { ...view.value, ...part, hub: { ...view.value.hub, ...hub } }
      flushSync()
      return settle()
    },
  }
}

it('shows what another window made of an image, though the answer to an older correction comes after it', async () => {
  const found = (revision: number): Result => {
    const objects = [1, 2, 3].slice(revision - 1).map((id) => ({ id, polygon: [], holes: [], area: 5, centroid: [1, 1] as [number, number], bbox: [0, 0, 1, 1] }))
    return { job: 'job1', revision, image: { width: 64, height: 64 }, objects, summary: { count: objects.length, total_area: 5, coverage: 0.1 } } as unknown as Result
  }
  let answer = (_: Result) => {}
  const edit = vi.fn(() => new Promise<Result>((resolve) => (answer = resolve)))
  const { told } = await page({ result: async (_, revision = 0) => found(revision), edit }, done(1, 1))
  const rows = () => all('tr[data-row]').map(({ dataset }) => dataset.row)
  button('Corrections').click()
  one('tr[data-row="1"]').click()
  flushSync()
  button('Delete').click()
  await settle()
  expect(edit).toHaveBeenCalledOnce()
  await told({ jobs: jobsOf(done(1, 2)) })
  await told({ jobs: jobsOf(done(1, 3)) }) // another window's
  expect(rows()).toEqual(['3'])
  answer(found(2))
  await settle()
  await settle()
  expect(rows()).toEqual(['3'])
})

it('shows what somebody added, but to who works on another image meanwhile', async () => {
  localStorage.setItem('seghub.choice', JSON.stringify({ model: model.id, wishes: {} }))
  const { told } = await page({ decide: vi.fn() }, job(1))
  const shown = () => one('#image h2').textContent
  const held = (id: number) => ({ pending: [{ id, file: new File([], 'well.png'), state: 'held' } as Pending] })
  await told({}, held(1))
  await told({ jobs: jobsOf(job(1), job(2)) }, { pending: [] })
  expect(shown()).toContain('well 2')
  await told({}, held(2))
  one('.stage').dispatchEvent(new PointerEvent('pointerdown', { bubbles: true, pointerType: 'mouse' }))
  await told({ jobs: jobsOf(job(1), job(2), job(3)) }, { pending: [] })
  expect(shown()).toContain('well 2')
  await told({}, held(3))
  one('.stage').dispatchEvent(new PointerEvent('pointerdown', { bubbles: true, pointerType: 'touch' })) // to scroll past it
  await told({ jobs: jobsOf(job(1), job(2), job(3), job(4)) }, { pending: [] })
  expect(shown()).toContain('well 4')
})

it('keeps who adds the first image by keyboard where images are added', async () => {
  const view = reactive({ phase: { name: 'live' }, link: { state: 'open' }, hub: initialState, pending: [], models: [model], samples: [{ name: 'nuclei', url: '' }] } as unknown as View)
  mounted(Workspace, {
    client: { persist: (ask: () => Promise<unknown>) => ask(), masks: new Masks(refuse) } as unknown as Client,
    api: Object.assign(new Api(), { preview: refuse, info: refuse }),
    get view() {
      return view.value
    },
  })
  await settle()
  button('Nuclei').focus()
  view.value = { ...view.value, hub: { ...view.value.hub, jobs: jobsOf(job(1)) } }
  await settle()
  expect(document.activeElement?.textContent).toContain('Add images')
})
