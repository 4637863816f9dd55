// @vitest-environment happy-dom
import { createRawSnippet, flushSync } from 'svelte'
import { expect, it, vi } from 'vitest'
import { mounted, one } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import Dialog from './Dialog.svelte'

function shown() {
  const open = reactive(false)
  mounted(Dialog, {
    title: 'Really?',
    children: createRawSnippet(() => ({ render: () => '<button>Yes</button>' })),
    get open() {
      return open.value
    },
    set open(next) {
      open.value = next
    },
  })
  return open
}

it('opens above the page, which keeps the focus in it, and is named by its title', () => {
  const modal = vi.spyOn(HTMLDialogElement.prototype, 'showModal')
  const open = shown()
  expect(document.querySelector('dialog button')).toBeNull()
  open.value = true
  flushSync()
  expect(modal).toHaveBeenCalledOnce()
  const dialog = one<HTMLDialogElement>('dialog')
  expect(document.getElementById(dialog.getAttribute('aria-labelledby')!)?.textContent).toBe('Really?')
})

it('is closed by the page and by the browser', () => {
  const open = shown()
  open.value = true
  flushSync()
  one<HTMLDialogElement>('dialog').close() // as Escape does
  flushSync()
  expect(open.value).toBe(false)
  expect(document.querySelector('dialog button')).toBeNull()
})
