import { expect, it } from 'vitest'
import { objectAt, simplified } from './geometry'
import type { Point, SegmentedObject } from './protocol'

function square(id: number, x: number, y: number, side: number, holes: Point[][] = []): SegmentedObject {
  const polygon: Point[] = [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]
  return { id, polygon, holes, bbox: [x, y, side, side], area: side * side, perimeter: 4 * side, centroid: [x, y], mean_probability: 1 }
}

const hole: Point[] = [[40, 40], [60, 40], [60, 60], [40, 60]]
const objects = [square(1, 0, 0, 100, [hole]), square(2, 45, 45, 10), square(3, 200, 0, 10)]
const crescent: SegmentedObject = {
  ...square(4, 300, 0, 30),
  polygon: [[300, 0], [330, 0], [330, 30], [300, 30], [300, 20], [320, 20], [320, 10], [300, 10]],
}

it.each([
  ['inside', 10, 10, 1],
  ['in a hole', 42, 42, null],
  ['on an object in a hole', 50, 50, 2],
  ['beside all', 150, 50, null],
  ['far away', 205, 5, 3],
  ['off the image', -5, -5, null],
])('finds the object %s', (_, x, y, id) => {
  expect(objectAt(objects, x, y)?.id ?? null).toBe(id)
})

it('knows a bay from the body around it', () => {
  expect(objectAt([crescent], 310, 15)).toBeNull()
  expect(objectAt([crescent], 325, 15)?.id).toBe(4)
})

it('leaves out of a line with too many points those that change it least', () => {
  const wave = Array.from({ length: 12_000 }, (_, i): Point => [i / 10, 40 * Math.sin(i / 200)])
  const line = simplified(wave, 1_000)
  expect([line[0], line.at(-1), line.length <= 1_000]).toEqual([wave[0], wave.at(-1), true])
  const height = (x: number) => {
    const after = line.findIndex(([at]) => at >= x)
    const [[ax, ay], [bx, by]] = [line[Math.max(0, after - 1)]!, line[after]!]
    return bx === ax ? by : ay + ((x - ax) * (by - ay)) / (bx - ax)
  }
  expect(Math.max(...wave.map(([x, y]) => Math.abs(height(x) - y)))).toBeLessThan(1)
  expect(simplified(wave, 12_000)).toBe(wave)
  expect(simplified(Array.from({ length: 50 }, (): Point => [3, 4]), 10)).toEqual([[3, 4], [3, 4]]) // a hand that rests
})
