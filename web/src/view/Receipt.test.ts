// @vitest-environment happy-dom
import { flushSync } from 'svelte'
import { expect, it, vi } from 'vitest'
import { all, mounted, one, settle } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import { Api, Failure } from '../lib/api'
import type { Job } from '../lib/protocol'
import { speak } from '../words'
import Receipt from './Receipt.svelte'

const job = (id: string, revision = 1) => ({ id, filename: `${id}.png`, model: 'unet', page: 0, pages: 1, revision }) as Job

function shown() {
  const asked: Record<string, (receipt: Record<string, unknown>) => void> = {}
  const receipt = vi.fn((id: string) => new Promise<Record<string, unknown>>((resolve) => (asked[id] = resolve)))
  const at = reactive(job('job1'))
  mounted(Receipt, {
    api: Object.assign(new Api(), { receipt }), title: 'UNet', open: true,
    get job() {
      return at.value
    },
  })
  return { asked, receipt, at }
}

it('shows what made the result that is chosen, whichever answer comes last', async () => {
  const { asked, at } = shown()
  at.value = job('job2')
  flushSync()
  asked['job2']!({ image: 'two' })
  await settle()
  asked['job1']!({ image: 'one' })
  await settle()
  expect(one('td').textContent).toBe('two')
})

it('stays as it is while nothing of it changes', async () => {
  const { asked, receipt, at } = shown()
  asked['job1']!({ image: 'one' })
  await settle()
  at.value = { ...at.value }
  flushSync()
  expect([all('td').length, receipt.mock.calls.length]).toEqual([1, 1])
  at.value = job('job1', 2) // corrected
  flushSync()
  expect(receipt).toHaveBeenCalledTimes(2)
})

it('says in the language of the page why there is none', async () => {
  await speak('de')
  const receipt = () => Promise.reject(new Failure('unavailable', 'Not now', 'Redis does not answer.', 503))
  mounted(Receipt, { api: Object.assign(new Api(), { receipt }), job: job('job1'), title: 'UNet', open: true })
  await settle()
  expect(one('[role=alert]').textContent).toContain('Hub')
  await speak('en')
})
