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
