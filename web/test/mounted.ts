// Components in a document without a browser: for what they do, not for how they look.

import { flushSync, mount, unmount, type Component } from 'svelte'
import { afterEach } from 'vitest'

const standing = new Set<Record<string, unknown>>()

afterEach(() => {
  for (const component of standing) leave(component)
  document.body.replaceChildren()
  localStorage.clear()
})

/** mounted puts a component on the page. What its props' getters read of state is followed. */
export function mounted<Props extends Record<string, any>>(component: Component<Props, any, any>, props: Props): Record<string, unknown> {
  const exports = mount(component, { target: document.body, props })
  standing.add(exports)
  flushSync()
  return exports
}

/** leave takes a component off the page before its test ends. */
export function leave(component: Record<string, unknown>): void {
  standing.delete(component)
  void unmount(component)
}

export function all<Kind extends Element = HTMLElement>(selector: string): Kind[] {
  return [...document.querySelectorAll<Kind>(selector)]
}

/** one is the first of its kind, which must be there. */
export function one<Kind extends Element = HTMLElement>(selector: string): Kind {
  const [found] = all<Kind>(selector)
  if (!found) throw new Error(`there is no ${selector} in ${document.body.innerHTML}`)
  return found
}

/** button is the one that says so. */
export function button(words: string): HTMLButtonElement {
  const found = all<HTMLButtonElement>('button').find((each) => each.textContent?.includes(words) || each.getAttribute('aria-label')?.includes(words))
  if (!found) throw new Error(`there is no button ${words} in ${document.body.innerHTML}`)
  return found
}

/** settle lets what was asked for come, and the page show it. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve))
  flushSync()
}

export function fill(input: HTMLInputElement, value: string): void {
  input.value = value
  input.dispatchEvent(new Event('input', { bubbles: true }))
  input.dispatchEvent(new Event('change', { bubbles: true }))
  flushSync()
}

export function choose(select: HTMLSelectElement, value: string): void {
  select.value = value
  select.dispatchEvent(new Event('change', { bubbles: true }))
  flushSync()
}

export function press(target: Element, key: string, modifiers: KeyboardEventInit = {}): void {
  target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...modifiers }))
  flushSync()
}

/** isOff tells whether a button means nothing at the moment: it says so, and keeps the focus. */
export function isOff(button: HTMLButtonElement): boolean {
  return button.getAttribute('aria-disabled') === 'true'
}
