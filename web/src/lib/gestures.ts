// What a hand means by its pointers: one drags or draws, two drag and pinch, one that hardly moved has pressed.

export interface At {
  x: number // CSS pixels of the window
  y: number
}

export interface Pointer extends At {
  id: number
  mouse: boolean
  /** It draws, if a pen is in hand: the first button, without Shift. */
  first: boolean
  /** A button is down, or a finger. */
  held: boolean
}

export interface Meanings {
  pan: (dx: number, dy: number) => void
  zoom: (factor: number, x: number, y: number) => void
  /** A line has begun here. */
  begin: (at: At) => void
  /** It goes on to here. */
  draw: (at: At) => void
  /** It has ended; it is meant only if kept. A short one hardly moved. */
  end: (kept: boolean, short: boolean) => void
  press: (at: At) => void
  hover: (at: At) => void
}

const slack = 4 // CSS pixels that a press may move

export class Gestures {
  private readonly pointers = new Map<number, At>() // where they were last
  private travelled = 0
  private drawing = false

  constructor(private readonly mean: Meanings) {}

  down(pointer: Pointer, pen: boolean): void {
    if (this.pointers.size === 0) this.travelled = 0
    this.pointers.set(pointer.id, pointer)
    const draws = pen && pointer.first && this.pointers.size === 1
    if (this.drawing && !draws) this.mean.end(false, false) // a second finger: the picture is moved
    this.drawing = draws
    if (draws) this.mean.begin(pointer)
  }

  move(pointer: Pointer): void {
    if (!pointer.held) this.up(pointer, true) // where the system did not tell of it: over a menu of its own
    const before = this.pointers.get(pointer.id)
    if (!before) {
      if (pointer.mouse) this.mean.hover(pointer)
      return
    }
    const other = [...this.pointers].find(([id]) => id !== pointer.id)?.[1]
    this.travelled += Math.hypot(pointer.x - before.x, pointer.y - before.y)
    if (other) {
      const apart = Math.hypot(pointer.x - other.x, pointer.y - other.y) / Math.max(1, Math.hypot(before.x - other.x, before.y - other.y))
      this.mean.pan((pointer.x - before.x) / 2, (pointer.y - before.y) / 2) // as far as the middle between them went
      this.mean.zoom(apart, (pointer.x + other.x) / 2, (pointer.y + other.y) / 2)
    } else if (this.drawing) this.mean.draw(pointer)
    else this.mean.pan(pointer.x - before.x, pointer.y - before.y)
    this.pointers.set(pointer.id, pointer)
  }

  up(pointer: Pointer, cancelled = false): void {
    if (!this.pointers.delete(pointer.id)) return
    const short = this.travelled < slack
    if (this.drawing) this.mean.end(!cancelled, short)
    else if (!cancelled && short && pointer.first && this.pointers.size === 0) this.mean.press(pointer)
    this.drawing = false
  }
}
