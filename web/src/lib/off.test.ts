// @vitest-environment happy-dom
import { expect, it, vi } from 'vitest'
import { off } from './off'

it('keeps the focus of a button that is switched off by its own press, and hears no other', () => {
  document.body.innerHTML = '<form><button>Export</button></form>'
  const button = document.querySelector('button')!
  const [pressed, sent] = [vi.fn(() => action?.update?.(true)), vi.fn((event: Event) => event.preventDefault())]
  document.body.addEventListener('click', pressed) // as Svelte listens
  document.querySelector('form')!.addEventListener('submit', sent)
  const action = off(button, false)
  button.focus()
  for (let i = 0; i < 2; i++) button.click()
  expect([pressed.mock.calls.length, sent.mock.calls.length, document.activeElement === button, button.getAttribute('aria-disabled')]).toEqual([1, 1, true, 'true'])
  action?.update?.(false)
  button.click()
  expect(pressed).toHaveBeenCalledTimes(2)
})
