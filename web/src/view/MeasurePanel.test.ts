// @vitest-environment happy-dom
import { expect, it } from 'vitest'
import { button, fill, leave, mounted, one, settle } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import type { Api } from '../lib/api'
import type { Job, Result } from '../lib/protocol'
import { historyOf } from '../lib/undo'
import MeasurePanel from './MeasurePanel.svelte'

it('shows nothing that comes when another image is shown by then', async () => {
  let answer = (_: Partial<Result>) => {}
  let preview: Result | null = null
  const props = {
    api: { measure: () => new Promise((resolve) => (answer = resolve)) } as unknown as Api,
    job: { id: 'job1', options: { threshold: 0.5 } } as Job,
    result: { job: 'job1' } as Result,
    get preview() {
      return preview
    },
    set preview(next) {
      preview = next
    },
    keep: () => undefined,
  }
  const panel = mounted(MeasurePanel, props)
  fill(one<HTMLInputElement>('input[type=range]'), '0.9')
  leave(panel)
  answer({ job: 'job1' })
  await settle()
  expect(preview).toBeNull()
})

it('leaves a way back from a threshold that is kept, and stands at the one that is gone back to', async () => {
  const job = reactive({ id: 'job1', revision: 1, options: { threshold: 0.5 } } as Job)
  const result = reactive({ job: 'job1', revision: 1, options: { threshold: 0.5 } } as Result)
  const preview = reactive(null as Result | null)
  mounted(MeasurePanel, {
    api: { measure: async (id: string, options: object) => ({ job: id, revision: 'keep' in options ? 2 : 1, options, summary: { count: 3 } }) } as unknown as Api,
    get job() {
      return job.value
    },
    get result() {
      return result.value
    },
    get preview() {
      return preview.value
    },
    set preview(next) {
      preview.value = next
    },
    keep: (kept: Result) => (result.value = kept),
  })
  const threshold = one<HTMLInputElement>('input[type=range]')
  fill(threshold, '0.9')
  await settle()
  button('Keep').click()
  await settle()
  expect(historyOf('job1', 2).past).toEqual([1])
  job.value = { ...job.value, revision: 3 } // undone elsewhere; a result that is gone back to by a correction has still the options before
  await settle()
  expect(threshold.value).toBe('0.5')
})
