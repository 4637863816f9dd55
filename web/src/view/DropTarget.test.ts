// @vitest-environment happy-dom
import { flushSync } from 'svelte'
import { afterEach, expect, it, vi } from 'vitest'
import { all, mounted, one } from '../../test/mounted'
import DropTarget from './DropTarget.svelte'

afterEach(() => vi.useRealTimers())

function drag(type: string, target: Element, relatedTarget: Element | null = null, types = ['Files']) {
  const event = Object.assign(new Event(type, { bubbles: true, cancelable: true }), { dataTransfer: { types, dropEffect: 'copy' }, relatedTarget })
  target.dispatchEvent(event)
  flushSync()
  return event
}

it('takes no link, which the browser would leave the page for, but in a field', () => {
  mounted(DropTarget, { add: vi.fn() })
  document.body.insertAdjacentHTML('beforeend', '<input><p id="row">a row</p>')
  const link = ['text/uri-list', 'text/html']
  const [beside, field, text] = [drag('dragover', one('#row'), null, link), drag('dragover', one('input'), null, link), drag('dragover', one('#row'), null, ['text/plain'])]
  expect([beside.defaultPrevented, beside.dataTransfer.dropEffect]).toEqual([true, 'none'])
  expect([field.defaultPrevented, text.defaultPrevented]).toEqual([false, false])
  expect(all('.veil')).toHaveLength(0)
})

it('shows where files would fall for as long as they are held over the page', () => {
  vi.useFakeTimers()
  mounted(DropTarget, { add: vi.fn() })
  document.body.insertAdjacentHTML('beforeend', '<p id="row">a row</p>')
  drag('dragenter', document.body)
  drag('dragenter', one('#row'), document.body)
  drag('dragleave', document.body, one('#row'))
  expect(all('.veil')).toHaveLength(1)
  drag('dragleave', one('#row')) // leaves the window
  expect(all('.veil')).toHaveLength(0)

  drag('dragenter', one('#row'))
  drag('dragover', one('#row'))
  one('#row').remove() // and nobody tells that the drag is over
  vi.runAllTimers()
  flushSync()
  expect(all('.veil')).toHaveLength(0)
})
