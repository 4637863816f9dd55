// @vitest-environment happy-dom
import { flushSync } from 'svelte'
import { afterEach, expect, it, vi } from 'vitest'
import { mounted, one } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import type { Contrast } from '../lib/api'
import type { ImageInfo } from '../lib/protocol'
import ContrastPanel from './ContrastPanel.svelte'

afterEach(() => vi.useRealTimers())

const info = { histogram: { low: 0, high: 255, counts: [5, 5, 5, 5] } } as unknown as ImageInfo

function shown() {
  const contrasts = reactive<Record<string, Contrast | null>>({})
  const [image, forAll] = [reactive('a'), reactive(false)]
  const key = () => (forAll.value ? 'all' : image.value)
  mounted(ContrastPanel, {
    info,
    get of() {
      return key()
    },
    get contrast() {
      return contrasts.value[key()] ?? null
    },
    get forAll() {
      return forAll.value
    },
    set forAll(next) {
      forAll.value = next
    },
    change: (of: string, next: Contrast | null) => (contrasts.value = { ...contrasts.value, [of]: next }),
  })
  return { contrasts, image }
}

function slide(value: number) {
  const slider = one<HTMLInputElement>('[type=range]')
  slider.value = String(value)
  slider.dispatchEvent(new Event('input', { bubbles: true }))
  flushSync()
}

it('sets the contrast of the image that it was moved for, and not of the next one', () => {
  vi.useFakeTimers()
  const { contrasts, image } = shown()
  slide(40)
  image.value = 'b'
  flushSync()
  vi.runAllTimers()
  expect(contrasts.value).toEqual({ a: { low: 40, high: expect.any(Number), gamma: 1 } })
})

it('gives all images the contrast of this one', () => {
  vi.useFakeTimers()
  const { contrasts } = shown()
  slide(40)
  vi.runAllTimers()
  flushSync()
  one<HTMLInputElement>('[type=checkbox]').click()
  flushSync()
  expect(contrasts.value['all']?.low).toBe(40)
})
