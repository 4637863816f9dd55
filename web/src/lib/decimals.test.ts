import { expect, it, vi } from 'vitest'
import { decimalOf, numberOf, spelt } from './decimals'

it.each([['0,65', 0.65], ['0.65', 0.65], [' 1,325 ', 1.325], ['1e-3', 0.001], ['', NaN], ['1.000,5', NaN], ['0,65 µm', NaN]])('reads the decimals of %j', (text, value) => {
  expect(decimalOf(text)).toBe(value)
})

it.each([
  ['1,000', 'en', 1000], ['1,000', 'de', 1], ['1.000', 'de', 1000], ['1.000', 'en', 1], ['12.345,5', 'de', 12345.5], ['1,234,567.8', 'en', 1234567.8],
  ['0,925', 'en', 0.925], ['0.925', 'de', 0.925], ['1,5', 'en', 1.5], ['-2 000', 'cs', -2000], ['1 000,5', 'cs', 1000.5], ['much', 'en', NaN],
])('reads %j of a page in %s', (text, locale, value) => {
  expect(numberOf(text, locale)).toBe(value)
})

it('spells a number whole', () => {
  expect([spelt(1234.5678, 'de'), spelt(1234.5678, 'en'), spelt(0.1, 'cs')]).toEqual(['1234,5678', '1234.5678', '0,1'])
})

it('finds out once how a language writes decimals: a table is full of them', () => {
  const format = vi.spyOn(Intl.NumberFormat.prototype, 'formatToParts')
  for (let i = 0; i < 100; i++) spelt(i / 10, 'fr')
  expect(format).toHaveBeenCalledOnce()
  format.mockRestore()
})
