// @vitest-environment happy-dom
import { beforeEach, expect, it } from 'vitest'
import { begin, historyOf, moved } from './undo'

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
