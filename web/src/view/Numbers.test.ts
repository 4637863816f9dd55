// @vitest-environment happy-dom
import { flushSync } from 'svelte'
import { expect, it } from 'vitest'
import { all, choose, mounted, one, settle } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import { Api } from '../lib/api'
import type { Client } from '../lib/client'
import type { Job, Result, SegmentedObject } from '../lib/protocol'
import Numbers from './Numbers.svelte'

const job = (id: string, image: string, revision = 1): Job => ({ id, image_id: image, page: 0, pages: 1, filename: `${image}.png`, model: 'unet', state: 'done', revision, count: 2 }) as Job
const list = (...jobs: Job[]): ReadonlyMap<string, Job> => new Map(jobs.map((each) => [each.id, each]))

it('spreads the objects of each picture once, as they are now', async () => {
  localStorage.setItem('seghub.numbers', JSON.stringify({ tab: 'histogram' }))
  const jobs = reactive(list(job('1', 'a'), job('2', 'b'), job('3', 'c')))
  const found = Array.from({ length: 2 }, (_, id) => ({ id, polygon: [], holes: [], area: 5 }) as unknown as SegmentedObject)
  mounted(Numbers, {
    client: { result: async (id: string) => ({ job: id, objects: found }) as unknown as Result } as Client,
    api: new Api(), job: job('1', 'a'), models: [], result: null, trouble: '', pixelSize: null, selected: new Set<string>(), hovered: null, picked: null, choose: () => undefined,
    get jobs() {
      return jobs.value
    },
  })
  await settle()
  choose(all<HTMLSelectElement>('select')[1]!, 'all')
  expect(one('.summary').textContent).toContain('n = 6')
  jobs.value = list(job('1', 'a', 2), job('2', 'b'), job('4', 'b')) // corrected, segmented again, removed
  await settle()
  flushSync()
  expect(one('.summary').textContent).toContain('n = 4')
})
