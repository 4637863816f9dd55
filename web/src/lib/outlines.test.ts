import { expect, it } from 'vitest'
import { detailOf, trace } from './outlines'
import { fillObjects } from './overlay'
import type { Point, SegmentedObject } from './protocol'

/** A ring as label maps have them: the corners of pixels, each one pixel from the last. */
const ring = (side: number): Point[] => [[1, 0], [0, 1], [-1, 0], [0, -1]].flatMap(([dx, dy], edge) => {
  const from = [[0, 0], [side, 0], [side, side], [0, side]][edge]!
  return Array.from({ length: side }, (_, i): Point => [from[0]! + i * dx!, from[1]! + i * dy!])
})

function drawing() {
  const paths = [[]] as Point[][]
  return {
    paths,
    beginPath: () => void paths.push([]),
    moveTo: (x: number, y: number) => void paths.at(-1)!.push([x, y]),
    lineTo: (x: number, y: number) => void paths.at(-1)!.push([x, y]),
    closePath: () => undefined,
    setTransform: () => undefined,
    fill: () => undefined,
    fillStyle: '',
  }
}

it.each([[0, 400], [8, 50], [64, 5], [1000, 2]])('draws outlines with corners %d pixels apart', (detail, corners) => {
  const path = drawing()
  trace(path, { polygon: ring(100), holes: [] }, detail)
  expect(path.paths[0]!.length).toBeGreaterThanOrEqual(corners * 0.8)
  expect(path.paths[0]!.length).toBeLessThanOrEqual(corners)
})

it('has no more detail than the screen', () => {
  expect([3, 1, 0.6, 0.3, 0.05].map(detailOf)).toEqual([0, 0, 1, 2, 16])
})

it('fills no path of many objects: what it costs grows with the square of its corners', () => {
  const path = drawing()
  const objects = Array.from({ length: 50 }, (_, id) => ({ id, polygon: ring(10), holes: [] }) as unknown as SegmentedObject)
  fillObjects({ getContext: () => path } as unknown as HTMLCanvasElement, objects, 1, false)
  expect(Math.max(...path.paths.map(({ length }) => length))).toBe(40)
})
