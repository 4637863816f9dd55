// @vitest-environment happy-dom
import { flushSync } from 'svelte'
import { expect, it, vi } from 'vitest'
import { all, mounted, one } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import { Api } from '../lib/api'
import type { Client, View } from '../lib/client'
import { Masks } from '../lib/masks'
import type { Job } from '../lib/protocol'
import { initialState } from '../lib/state'
import type { Pending } from '../lib/uploads'
import './Inspector.svelte' // which the page fetches when it stands: a busy machine takes long to
import './Numbers.svelte'
import Workspace from './Workspace.svelte'

const job = (number: number): Job => ({
  id: `job${number}`, image_id: `image${number}`, filename: `well ${number}.png`, width: 64, height: 64, page: 0, pages: 1, model: 'unet', count: null, state: 'running', stage: 'infer', percent: 0,
  error: null, created_at: '', started_at: null, finished_at: null, timing_ms: { queued: 0, decode: 0, infer: 0, postprocess: 0, total: 0 },
})

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
