// Long lists and tables of rows of one height, of which only those in sight exist, and the one that has the focus. Together they are one
// stop of the Tab key: arrows go from row to row.
import { tick } from 'svelte'

type Key = string | number

interface Of<T> {
  items: () => readonly T[]
  key: (item: T) => Key
  current: () => Key | null // the item that Tab comes in at, where it is in sight
  rowHeight: number // CSS pixels
  head?: number // CSS pixels that stay above the rows
}

const spare = 5 // rows beyond the edges

/** Sight knows which rows of a box that scrolls are there. It is made by a component, which it lives as long as. */
export class Sight<T> {
  box: HTMLElement | undefined = $state()
  height = $state(0)
  all = $state(false) // rows are there, whatever is in sight
  private top = $state(0)
  private left = 0 // as far down as it was when something was revealed last
  private focused: Key | null = $state(null)

  /** The rows from first to before last are in sight, or nearly. */
  private readonly first: number = $derived.by(() => this.all ? 0 : Math.max(0, Math.min(this.of.items().length - 1, Math.floor(this.top / this.of.rowHeight) - spare)))
  private readonly last: number = $derived.by(() => this.all ? this.of.items().length : Math.min(this.of.items().length, Math.ceil((this.top + this.height) / this.of.rowHeight) + spare))
  // Who is on a row that is scrolled out of sight stays there: the keyboard would be at the beginning of the page.
  private readonly focusedAt: number = $derived.by(() => (this.focused === null ? -1 : this.of.items().findIndex((item) => this.of.key(item) === this.focused)))

  /** Indices of the rows that are there, in order. */
  readonly shown: readonly number[] = $derived.by(() => [
    ...(this.focusedAt >= 0 && this.focusedAt < this.first ? [this.focusedAt] : []),
    ...Array.from({ length: Math.max(0, this.last - this.first) }, (_, offset) => this.first + offset),
    ...(this.focusedAt >= this.last ? [this.focusedAt] : []),
  ])

  /** The key of the row that Tab comes to. */
  readonly entry: Key | null = $derived.by(() => {
    const seen = this.of.items().slice(this.first, this.last)
    const current = this.of.current()
    return seen.some((item) => this.of.key(item) === current) ? current : seen[0] === undefined ? null : this.of.key(seen[0])
  })

  constructor(private readonly of: Of<T>) {
    // Who is on a row that goes is still in the list then, and not at the beginning of the page.
    $effect(() => {
      if (this.focused === null || this.focusedAt >= 0) return
      this.focused = null
      void tick().then(() => {
        if (document.activeElement === document.body) this.box?.querySelector<HTMLElement>('[data-index] [tabindex="0"]')?.focus({ preventScroll: true })
      })
    })
  }

  /** reveal scrolls no further than a row needs; of none, -1, not at all. */
  reveal(index: number): void {
    if (!this.box || index < 0) return
    this.box.scrollTop = this.scrolledFor(this.box, index)
    this.top = this.left = this.box.scrollTop
  }

  /** follow reveals a row, but to who has scrolled away since something was revealed. */
  follow(index: number): void {
    if (!this.box || index < 0) return
    const { scrollTop } = this.box
    const inSight = Math.abs(this.scrolledFor(this.box, index) - scrollTop) < this.of.rowHeight
    if (inSight || scrollTop === this.left) this.reveal(index)
  }

  readonly scrolled = (): void => {
    this.top = this.box?.scrollTop ?? 0
  }

  readonly focusin = (event: FocusEvent): void => {
    const item = this.of.items()[this.indexOf(event) ?? -1]
    this.focused = item === undefined ? null : this.of.key(item)
  }

  readonly focusout = (event: FocusEvent): void => {
    if (event.relatedTarget) this.focused = null // a row that goes gives the focus to nobody
  }

  /** The item that a key was pressed on; null beside the rows. */
  at(event: Event): T | null {
    return this.of.items()[this.indexOf(event) ?? -1] ?? null
  }

  /** walk goes where an arrow key leads, tells arrive of the item there, and focuses it; false of another key. */
  walk(event: KeyboardEvent, arrive: (item: T) => void): boolean {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity, PageDown: 10, PageUp: -10 }[event.key]
    const from = this.indexOf(event)
    if (step === undefined || from === undefined) return false
    event.preventDefault()
    const items = this.of.items()
    const index = Math.max(0, Math.min(items.length - 1, from + step))
    this.reveal(index)
    if (items[index] !== undefined) arrive(items[index])
    void tick().then(() => this.box?.querySelector<HTMLElement>(`[data-index="${index}"] button`)?.focus())
    return true
  }

  private scrolledFor({ scrollTop, clientHeight }: HTMLElement, index: number): number {
    const { rowHeight, head = 0 } = this.of
    const start = index * rowHeight
    return start < scrollTop ? start : Math.max(scrollTop, start + rowHeight + head - clientHeight)
  }

  private indexOf(event: Event): number | undefined {
    const index = (event.target as HTMLElement).closest<HTMLElement>('[data-index]')?.dataset.index
    return index === undefined ? undefined : Number(index)
  }
}
