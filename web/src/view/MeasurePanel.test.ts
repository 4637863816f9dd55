// @vitest-environment happy-dom
import { expect, it } from 'vitest'
import { button, fill, isOff, leave, mounted, one, settle } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import { Failure, type Api } from '../lib/api'
import type { Client } from '../lib/client'
import type { Job, Result } from '../lib/protocol'
import { historyOf } from '../lib/undo'
import MeasurePanel from './MeasurePanel.svelte'

let back = () => {} // what the hub does when it was away
const client: Pick<Client, 'persist'> = {
  persist: async (ask, wanted) => {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        await new Promise<void>((resolve) => (back = resolve))
        if (!wanted()) throw error
      }
    }
  },
}

const away = new Failure('unreachable', 'Away', '', 0)

/** A panel of a result whose count says at which threshold it was measured, in percent. */
function measuring(fails = { now: false }) {
  const job = reactive({ id: 'job1', revision: 1, options: { threshold: 0.5 } } as Job)
  const result = reactive({ job: 'job1', revision: 1, options: { threshold: 0.5 } } as Result)
  const preview = reactive(null as Result | null)
  mounted(MeasurePanel, {
    client,
    api: {
      measure: async (id: string, options: { threshold: number; keep?: boolean }) => {
        if (fails.now) throw away
        return { job: id, revision: options.keep ? 2 : 1, options, summary: { count: 100 * options.threshold } }
      },
    } as unknown as Api,
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
  return { job, result, preview, threshold: one<HTMLInputElement>('input[type=range]') }
}

it('shows nothing that comes when another image is shown by then', async () => {
  let answer = (_: Partial<Result>) => {}
  let preview: Result | null = null
  const props = {
    client,
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
  const { job, threshold } = measuring()
  fill(threshold, '0.9')
  await settle()
  button('Keep').click()
  await settle()
  expect(historyOf('job1', 2).past).toEqual([1])
  job.value = { ...job.value, revision: 3 } // undone elsewhere; a result that is gone back to by a correction has still the options before
  await settle()
  expect(threshold.value).toBe('0.5')
})

it('keeps nothing beside the count of another threshold while the hub is away, and measures when it is back', async () => {
  const fails = { now: false }
  const { preview, threshold } = measuring(fails)
  fill(threshold, '0.3')
  await settle()
  fails.now = true
  fill(threshold, '0.8')
  expect(isOff(button('Keep'))).toBe(true) // until it is measured
  await settle()
  expect([preview.value, one('[role=status]').textContent?.trim()]).toEqual([null, 'Away'])
  fails.now = false
  back()
  await settle()
  expect([one('strong').textContent, isOff(button('Keep')), one('[role=status]').textContent]).toEqual(['80 objects at this threshold', false, expect.not.stringContaining('Away')])
})

it('is done with a threshold that is seen to have been kept, though the answer was lost', async () => {
  const fails = { now: false }
  const { result, preview, threshold } = measuring(fails)
  fill(threshold, '0.3')
  await settle()
  fails.now = true
  button('Keep').click()
  await settle()
  expect([preview.value?.summary.count, one('[role=status]').textContent]).toEqual([30, expect.stringContaining('Away')])
  result.value = { ...result.value, revision: 2 }
  await settle()
  expect([preview.value, one('[role=status]').textContent?.trim()]).toEqual([null, ''])
})

it.each(['Keep', 'Back'])('goes on at the threshold for who pressed %s, which goes', async (which) => {
  const { preview, threshold } = measuring({ now: false })
  fill(threshold, '0.3')
  await settle()
  button(which).focus()
  button(which).click()
  await settle()
  expect([preview.value, document.activeElement === threshold]).toEqual([null, true])
})
