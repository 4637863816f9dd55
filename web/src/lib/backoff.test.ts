import { expect, it } from 'vitest'
import { delay } from './backoff'

const backoff = { base: 500, cap: 15_000 }

it.each([
  [0, 500],
  [1, 1_000],
  [4, 8_000],
  [5, 15_000],
  [1_000, 15_000],
])('after try %i waits for at most %i ms', (attempt, ceiling) => {
  expect(delay(backoff, attempt, () => 1)).toBe(ceiling)
})

it('spreads over the whole span, so that clients do not return together', () => {
  expect(delay(backoff, 2, () => 0)).toBe(0)
  expect(delay(backoff, 2, () => 0.5)).toBe(1_000)
})
