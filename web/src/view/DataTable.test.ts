// @vitest-environment happy-dom
import { flushSync } from 'svelte'
import { beforeEach, expect, it, vi } from 'vitest'
import { all, button, mounted, one, press, settle } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import type { Column } from '../lib/measures'
import DataTable from './DataTable.svelte'

interface Well {
  id: number
  area: number | null
}
const columns: Column<Well>[] = [
  { id: 'id', value: ({ id }) => id, digits: 0 },
  { id: 'area', value: ({ area }) => area, digits: 1 },
]
const rows: Well[] = Array.from({ length: 300 }, (_, index) => ({ id: index + 1, area: index === 0 ? null : index * 1.5 }))

let sortBy: { value: string }
let ascending: { value: boolean }
let current: { value: number | null }
const choose = vi.fn()
const hover = vi.fn()

beforeEach(() => {
  vi.clearAllMocks()
  ;[sortBy, ascending, current] = [reactive('id'), reactive(true), reactive(null as number | null)]
  mounted(DataTable<Well>, {
    rows, columns, key: (row: Well) => row.id, label: 'Wells', title: (column: string) => column.toUpperCase(), choose, hover,
    get current() {
      return current.value
    },
    get sortBy() {
      return sortBy.value
    },
    set sortBy(next) {
      sortBy.value = next
    },
    get ascending() {
      return ascending.value
    },
    set ascending(next) {
      ascending.value = next
    },
  })
})

const row = (id: number) => one(`tr[data-row="${id}"]`)

it('shows what is in sight of its rows, and a dash for what is not known', () => {
  expect(all('tr[data-row]').length).toBeLessThan(20)
  expect(one('table').getAttribute('aria-rowcount')).toBe('301')
  expect([row(1), row(2)].map((each) => [...each.children].map(({ textContent }) => textContent?.trim()))).toEqual([['1', '–'], ['2', '1.5']])
})

it('sorts by the heads, numbers from the largest first', () => {
  button('AREA').click()
  flushSync()
  expect([sortBy.value, ascending.value]).toEqual(['area', false])
  expect(all('th[aria-sort]').map((head) => head.getAttribute('aria-sort'))).toEqual(['descending'])
  button('AREA').click()
  flushSync()
  expect(ascending.value).toBe(true)
})

it.each([['ArrowDown', 3], ['End', 300], ['PageDown', 12]])('goes by %s to row %i and chooses it', async (key, to) => {
  press(row(2).querySelector('button')!, key)
  await settle()
  expect(choose).toHaveBeenCalledWith(rows[to - 1])
  expect(document.activeElement?.closest<HTMLElement>('tr')?.dataset.row).toBe(String(to))
})

it('chooses and lights up what the pointer is on', () => {
  row(2).dispatchEvent(new PointerEvent('pointerenter'))
  row(2).click()
  row(2).dispatchEvent(new PointerEvent('pointerleave'))
  expect(hover.mock.calls).toEqual([[rows[1]], [null]])
  expect(choose).toHaveBeenCalledWith(rows[1])
  expect(document.activeElement?.closest('tr')).toBe(row(2))
})

it('is one stop of Tab: the current row, where it is in sight', () => {
  current.value = 3
  flushSync()
  expect(all('tbody button[tabindex="0"]').map((each) => each.textContent)).toEqual(['3'])
})

it('keeps the focus on a row that is scrolled out of sight, and takes its room', () => {
  row(2).querySelector('button')!.focus()
  scroll(200)
  expect(document.activeElement?.closest<HTMLElement>('tr')?.dataset.row).toBe('2')
  expect(heights()).toBe(rows.length * 32)
  scroll(0)
  expect(document.activeElement?.closest('tr')).toBe(row(2))
  expect(heights()).toBe(rows.length * 32)
})

function scroll(to: number) {
  one('.box').scrollTop = to * 32
  one('.box').dispatchEvent(new Event('scroll'))
  flushSync()
}

const heights = () => all('tbody tr').reduce((sum, { style }) => sum + Number.parseFloat(style.height), 0)

it('prints all rows, and goes back to those in sight', () => {
  const before = all('tbody [data-row]').length
  window.dispatchEvent(new Event('beforeprint'))
  expect([before < rows.length, all('tbody [data-row]').length, all('tbody tr[aria-hidden]').length]).toEqual([true, rows.length, 0])
  window.dispatchEvent(new Event('afterprint'))
  flushSync()
  expect(all('tbody [data-row]').length).toBe(before)
})
