// @vitest-environment happy-dom
import { afterEach, expect, it } from 'vitest'
import { holding } from './letters'

afterEach(() => document.documentElement.removeAttribute('style'))

it('makes rows higher for letters that they would not hold', () => {
  const at = (size: string) => {
    document.documentElement.style.fontSize = size
    return [holding(74, 4), holding(32, 1.6)]
  }
  expect(['', '15px', '18px', '22.5px', '30px'].map(at)).toEqual([[74, 32], [74, 32], [74, 32], [90, 36], [120, 48]])
})
