// @vitest-environment happy-dom
import { createRawSnippet, flushSync } from 'svelte'
import { beforeEach, expect, it, vi } from 'vitest'
import { all, mounted, one, press, settle } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import VirtualList from './VirtualList.svelte'

const rowHeight = 20
const items = Array.from({ length: 2_000 }, (_, index) => `well ${index}`)
const arrive = vi.fn()
let listed: { value: readonly string[] }
let current: { value: string | null }

beforeEach(() => {
  vi.clearAllMocks()
  current = reactive(null as string | null)
  listed = reactive<readonly string[]>(items)
  mounted(VirtualList<string>, {
    get items() {
      return listed.value
    },
    rowHeight,
    key: (item: string) => item,
    label: 'Wells',
    get current() {
      return current.value
    },
    arrive,
    press: (event: KeyboardEvent) => event.key === ' ',
    row: createRawSnippet<[string, number]>((item, tabindex) => ({ render: () => `<button tabindex="${tabindex()}">${item()}</button>` })),
  })
})

const shown = () => all('li[data-index]').map((row) => row.textContent)

it('has no more rows than are in sight, and says how many there are', () => {
  expect(shown().length).toBeLessThan(20)
  expect(one('li[data-index="1"]').getAttribute('aria-posinset')).toBe('2')
  expect(one('li[data-index="1"]').getAttribute('aria-setsize')).toBe('2000')
  one('ul').scrollTop = 1_000 * rowHeight
  one('ul').dispatchEvent(new Event('scroll'))
  flushSync()
  expect(shown()).toContain('well 1000')
  expect(shown()).not.toContain('well 0')
})

it.each([['ArrowDown', {}, 'well 2', false], ['ArrowUp', { shiftKey: true }, 'well 0', true], ['End', {}, 'well 1999', false]])(
  'goes by %s to another row, and the focus with it',
  async (key, modifiers, to, extend) => {
    press(one('li[data-index="1"] button'), key, modifiers)
    expect(arrive).toHaveBeenCalledWith(to, extend)
    await settle()
    expect(document.activeElement?.textContent).toBe(to)
  },
)

it('keeps from the page the keys that mean something to a row alone', () => {
  const kept = (key: string) => !one('li[data-index="1"] button').dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))
  expect([kept(' '), kept('x')]).toEqual([true, false])
})

it('brings what becomes the current one into sight, and makes it the stop of Tab', () => {
  current.value = 'well 700'
  flushSync()
  one('ul').dispatchEvent(new Event('scroll'))
  flushSync()
  expect(one('button[tabindex="0"]').textContent).toBe('well 700')
  expect(all('button[tabindex="0"]').length).toBe(1)
})

it('leaves who has scrolled away where they are, until they choose there', () => {
  const scroll = (rows: number) => (one('ul').scrollTop = rows * rowHeight)
  const choose = (item: string) => {
    current.value = item
    flushSync()
    return one('ul').scrollTop / rowHeight
  }
  vi.spyOn(one('ul'), 'clientHeight', 'get').mockReturnValue(10 * rowHeight)
  expect(choose('well 700')).toBe(691)
  scroll(1_000)
  expect(choose('well 701')).toBe(1_000)
  expect(choose('well 1005')).toBe(1_000)
  expect(choose('well 1010')).toBe(1_001)
})

it.each([[0, 'well 1', 'well 2'], [1_990, 'well 1990', 'well 1991']])('keeps the focus of a row that is scrolled out of sight (%i)', async (from, focused, next) => {
  const scroll = (rows: number) => {
    one('ul').scrollTop = rows * rowHeight
    one('ul').dispatchEvent(new Event('scroll'))
    flushSync()
  }
  scroll(from)
  all('li[data-index] button').find(({ textContent }) => textContent === focused)!.focus()
  scroll(1_000)
  expect(document.activeElement?.textContent).toBe(focused)
  expect(all('li[data-index]').length).toBeLessThan(20)
  press(document.activeElement!, 'ArrowDown')
  await settle()
  expect(document.activeElement?.textContent).toBe(next)
})

it('gives the focus of a row that goes to where Tab comes in', async () => {
  one('li[data-index="1"] button').focus()
  listed.value = items.filter((item) => item !== 'well 1')
  await settle()
  expect(document.activeElement).toBe(one('button[tabindex="0"]'))
})
