// @vitest-environment happy-dom
import { expect, it, vi } from 'vitest'
import { all, button, mounted, one } from '../../test/mounted'
import type { Pending } from '../lib/uploads'
import UploadRow from './UploadRow.svelte'

const upload: Pending = { id: 1, file: new File(['pixels'], 'well.png'), settings: null, state: 'waiting', sent: 0, reason: '', code: '', key: 'k', batch: '', kept: true }

it.each<[Partial<Pending>, string]>([
  [{ state: 'held' }, 'Being looked at'],
  [{}, 'Waiting to be uploaded'],
  [{ state: 'sending', sent: 0.426 }, 'Uploading, 43 %'],
  [{ reason: 'The hub does not answer', code: 'unreachable' }, 'The hub does not answer: goes on by itself'],
])('%j: %s', (change, words) => {
  mounted(UploadRow, { upload: { ...upload, ...change }, remove: () => undefined })
  expect(one('.muted').textContent).toBe(words)
})

it('can be taken back while it waits, and not when it is on its way', () => {
  const remove = vi.fn()
  mounted(UploadRow, { upload: { ...upload, state: 'sending' }, remove })
  expect(all('button')).toEqual([])
  mounted(UploadRow, { upload, remove })
  button('Do not upload well.png').click()
  expect(remove).toHaveBeenCalledOnce()
})
