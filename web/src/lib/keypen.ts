// A pen that keys move: arrows carry it over the picture, Space puts it down and lifts it, Enter ends the line.

import type { Point } from './protocol'
import type { Size } from './viewport'

export interface KeyPen {
  at: Point // pixels of the picture
  line: readonly Point[] // what has been drawn; empty while the pen is up
}

export interface Keyed {
  pen: KeyPen
  /** The line that is complete now. */
  drawn?: readonly Point[]
}

const ways: Record<string, Point> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

/** keyed is the pen after a key; null for a key that means nothing to it. A dot is a line for a pen that is thick. */
export function keyed(pen: KeyPen, key: string, step: number, thick: boolean, image: Size): Keyed | null {
  const way = ways[key]
  if (way) {
    const at: Point = [hold(pen.at[0] + way[0] * step, image.width), hold(pen.at[1] + way[1] * step, image.height)]
    return { pen: { at, line: pen.line.length > 0 ? [...pen.line, at] : [] } }
  }
  const down = pen.line.length > 0
  if (key === ' ' && !down) return { pen: { at: pen.at, line: [pen.at] } }
  if (key === 'Escape' && down) return { pen: { at: pen.at, line: [] } }
  if (key !== ' ' && key !== 'Enter') return null
  const drawn = down ? pen.line : [pen.at]
  if (drawn.length === 1 && !thick) return down ? { pen: { at: pen.at, line: [] } } : null
  return { pen: { at: pen.at, line: [] }, drawn }
}

function hold(at: number, most: number): number {
  return Math.max(0, Math.min(most, at))
}
