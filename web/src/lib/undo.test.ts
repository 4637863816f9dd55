// @vitest-environment happy-dom
import { beforeEach, expect, it, vi } from 'vitest'
import { begin, historyOf, kept, moved } from './undo'

beforeEach(() => localStorage.clear())

it('leads back over what others did, and forth again', () => {
  begin('a', 1)
  expect(historyOf('a', 3)).toEqual({ past: [1, 2], future: [], at: 3 })
  moved('a', historyOf('a', 3), 4, 'undo')
  expect(historyOf('a', 4)).toEqual({ past: [1], future: [3], at: 4 })
})

it('leads to nothing that the hub has lost', () => {
  begin('a', 1)
  moved('a', historyOf('a', 4), 5, 'undo')
  expect(historyOf('a', 2)).toEqual({ past: [1], future: [], at: 2 })
  begin('a', 2)
  expect(historyOf('a', 3)).toEqual({ past: [1, 2], future: [], at: 3 })
})

it('keeps the ways of the jobs that were changed last, and nothing else grows with them', () => {
  vi.useFakeTimers()
  localStorage.setItem('seghub.numbers', '{}')
  for (let job = 0; job < kept; job++) {
    vi.setSystemTime(job)
    begin(`job ${job}`, 1)
  }
  vi.setSystemTime(kept)
  begin('job 0', 2) // changed again
  begin('another', 1)
  vi.useRealTimers()
  expect(historyOf('job 0', 2).past).toEqual([1])
  expect(historyOf('job 1', 2).past).toEqual([]) // forgotten
  expect(historyOf('job 2', 2).past).toEqual([1])
  expect(localStorage.length).toBe(kept + 1)
})
