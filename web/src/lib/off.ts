// Buttons that mean nothing at the moment. One that is disabled while it has the focus gives it to nobody: who works by keyboard, and pressed it
// just now, would go on from the beginning of the page.

import type { Action } from 'svelte/action'

/** off switches a button off where it is true, as disabled does, and leaves it the focus. */
export const off: Action<HTMLButtonElement, boolean> = (button, first) => {
  let now = false
  const update = (next: boolean) => {
    now = next
    if (now) button.setAttribute('aria-disabled', 'true')
    else button.removeAttribute('aria-disabled')
  }
  const pressed = (event: Event) => {
    if (!now) return
    event.stopImmediatePropagation()
    event.preventDefault()
  }
  button.addEventListener('click', pressed, { capture: true })
  update(first)
  return { update, destroy: () => button.removeEventListener('click', pressed, { capture: true }) }
}
