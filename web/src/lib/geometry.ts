// Objects as shapes: which one lies under a point.

import type { Point, SegmentedObject } from './protocol'

/** inRing tells whether a point lies inside a ring of corners, by the even-odd rule. */
function inRing(ring: readonly Point[], x: number, y: number): boolean {
  let inside = false
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi, yi] = ring[i]!
    const [xj, yj] = ring[j]!
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside
  }
  return inside
}

function contains(object: SegmentedObject, x: number, y: number): boolean {
  const [left, top, width, height] = object.bbox
  if (x < left || y < top || x > left + width || y > top + height) return false
  return inRing(object.polygon, x, y) && !object.holes.some((hole) => inRing(hole, x, y))
}

/** objectAt is the object under a point of the image, in pixels; the smallest where several lie. */
export function objectAt(objects: readonly SegmentedObject[], x: number, y: number): SegmentedObject | null {
  let found: SegmentedObject | null = null
  for (const object of objects) {
    if ((!found || object.area < found.area) && contains(object, x, y)) found = object
  }
  return found
}

/** across is a line through the middle of an object, across its longer side: where a keyboard splits it. */
export function across({ bbox: [left, top, width, height], centroid: [x, y] }: Pick<SegmentedObject, 'bbox' | 'centroid'>): Point[] {
  return width >= height ? [[x, top - 1], [x, top + height + 1]] : [[left - 1, y], [left + width + 1, y]]
}

/**
 * simplified is a line of at most so many points, 2 or more: as it was where it has no more, else without those that change it least, all of
 * which lie within some distance of what is left (Ramer, Douglas and Peucker).
 */
export function simplified(line: readonly Point[], most: number): readonly Point[] {
  let left = line
  for (let distance = 0.1; left.length > most; distance *= 1.5) left = within(distance, line) // pixels
  return left
}

function within(distance: number, line: readonly Point[]): Point[] {
  const kept = new Set([0, line.length - 1])
  const open: [number, number][] = [[0, line.length - 1]]
  for (let part = open.pop(); part; part = open.pop()) {
    const [from, to] = part
    let [far, at] = [distance, 0]
    for (let i = from + 1; i < to; i++) {
      const off = offset(line[i]!, line[from]!, line[to]!)
      if (off > far) [far, at] = [off, i]
    }
    if (at === 0) continue
    kept.add(at)
    open.push([from, at], [at, to])
  }
  return line.filter((_, index) => kept.has(index))
}

/** How far a point lies from the line between two others. */
function offset([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay]
  const along = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)))
  return Math.hypot(x - ax - along * dx, y - ay - along * dy)
}
