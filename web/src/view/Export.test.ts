// @vitest-environment happy-dom
import { flushSync } from 'svelte'
import { beforeEach, expect, it, vi } from 'vitest'
import { all, button, choose, isOff, mounted, one, settle } from '../../test/mounted'
import { Failure } from '../lib/api'
import { Exporting } from '../lib/exporting.svelte'
import type { Job } from '../lib/protocol'
import Export from './Export.svelte'

let finish: { resolve: (made: { blob: Blob; filename: string }) => void; reject: (why: unknown) => void }
let came: (bytes: number) => void
let signal: AbortSignal
const saved: string[] = []
const fetchExport = vi.fn((_format: string, _jobs: readonly string[], tell: (bytes: number) => void, stop: AbortSignal) => {
  came = tell
  signal = stop
  return new Promise<{ blob: Blob; filename: string }>((resolve, reject) => (finish = { resolve, reject }))
})

beforeEach(() => {
  saved.length = 0
  fetchExport.mockClear()
  vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
    saved.push(this.download)
  })
})

function shown(selected: string[] = [], done = ['job1', 'job2', 'job3'], exporting = new Exporting({ fetchExport })) {
  mounted(Export, { exporting, job: { id: 'job1', state: 'done' } as Job, selected: new Set(selected), done })
}

async function take(format: string) {
  button(format).click()
  await settle()
}

it.each([
  ['all', []],
  ['selected', ['job2', 'job3']],
  ['this', ['job1']],
])('takes %s', async (which, jobs) => {
  shown(['job2', 'job3', 'failed'])
  choose(one('select'), which)
  await take('CSV')
  expect(fetchExport.mock.calls[0]!.slice(0, 2)).toEqual(['csv', jobs])
})

it('tells how much has come, and saves it under the name that the hub gives it', async () => {
  shown()
  await take('CSV')
  came(2_400_000)
  flushSync()
  expect(one('.came').textContent).toContain('2.4 MB')
  expect(all('[role=status]')).toEqual([]) // it would be read aloud with each piece
  expect(isOff(button('Excel'))).toBe(true)
  finish.resolve({ blob: new Blob(['a']), filename: 'objects.csv' })
  await settle()
  expect(saved).toEqual(['objects.csv'])
  expect(isOff(button('Excel'))).toBe(false)
})

it('goes on while people look at something else, and is there when they come back', async () => {
  const exporting = new Exporting({ fetchExport })
  shown([], ['job1'], exporting)
  await take('CSV')
  document.body.replaceChildren()
  came(2_400_000)
  shown([], ['job1'], exporting)
  expect(one('.came').textContent).toContain('2.4 MB')
  finish.reject(new Failure('unavailable', 'Not now', 'The disk is full.', 503))
  await settle()
  expect(one('[role=alert]').textContent).toContain('The disk is full.')
  await take('CSV')
  expect(all('[role=alert]')).toEqual([])
  finish.resolve({ blob: new Blob(['a']), filename: 'objects.csv' })
  await settle()
})

it('stops when it is told to, and says nothing of it', async () => {
  shown()
  await take('CSV')
  button('Cancel').click()
  expect(signal.aborted).toBe(true)
  finish.reject(new DOMException('aborted', 'AbortError'))
  await settle()
  expect([saved, all('[role=alert]').length]).toEqual([[], 0])
})

it('says why there is no export', async () => {
  shown()
  await take('CSV')
  finish.reject(new Failure('unavailable', 'Not now', 'The disk is full.', 503))
  await settle()
  expect(one('[role=alert]').textContent).toContain('The disk is full.')
})

it('has nothing to give before an image is done', () => {
  shown([], [])
  expect(all<HTMLButtonElement>('button').every(isOff)).toBe(true)
})
