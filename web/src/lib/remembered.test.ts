import { afterEach, expect, it, vi } from 'vitest'
import { recall, remember } from './remembered'

afterEach(() => vi.unstubAllGlobals())

it('holds until the page is left what cannot be written', () => {
  const refuse = () => {
    throw new DOMException('full', 'QuotaExceededError')
  }
  vi.stubGlobal('localStorage', { getItem: () => '{"size":1}', setItem: refuse })
  remember('brush', { size: 2 })
  expect(recall('brush', { size: 0 })).toEqual({ size: 2 })
  vi.stubGlobal('localStorage', { getItem: () => '{"size":3}', setItem: () => undefined })
  remember('brush', { size: 3 })
  expect(recall('brush', { size: 0 })).toEqual({ size: 3 })
})
