import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Plate } from './plate'
import type { Viewport } from './viewport'

const window = { width: 500, height: 400 } // a margin of 160
const at = (x: number, y: number, scale = 1): Viewport => ({ scale, x, y })

let plate: Plate
let clock: number
let painted: Viewport[]
let takes: number // ms a painting
const canvas = { style: {} } as HTMLCanvasElement

beforeEach(() => {
  vi.useFakeTimers()
  clock = takes = 0
  painted = []
  plate = new Plate(() => clock)
})
afterEach(() => void vi.useRealTimers())

function show(view: Viewport, content: readonly unknown[] = ['objects'], size = window) {
  plate.show(canvas, { window: size, view, content }, (_, __, now) => {
    painted.push(now)
    clock += takes
  })
}

it('paints once for all views that it covers', () => {
  for (const x of [0, -40, -80, 10]) show(at(x, 0))
  expect(painted).toEqual([at(0, 0)])
})

it('paints anew where it would end inside the window', () => {
  show(at(0, 0))
  show(at(-161, 0))
  expect(painted).toEqual([at(0, 0), at(-161, 0)])
})

it('is ready for the next way once the hand rests', () => {
  show(at(0, 0))
  show(at(0, -100))
  expect(painted.length).toBe(1)
  vi.runAllTimers()
  expect(painted.at(-1)).toEqual(at(0, -100))
})

it.each([[['others'], window], [['objects'], { width: 501, height: 400 }]])('paints %j in a window of %j', (content, size) => {
  show(at(0, 0))
  show(at(0, 0), content, size)
  expect(painted.length).toBe(2)
})

it('paints what is quick as the zoom changes, and what is slow when it rests', () => {
  show(at(0, 0))
  show(at(0, 0, 2))
  expect(painted.length).toBe(2)
  takes = 30
  show(at(0, 0, 3))
  show(at(-10, -20, 6))
  expect(painted.length).toBe(3)
  expect(canvas.style.transform).toBe('translate(-320px, -320px) scale(2)')
  vi.runAllTimers()
  expect(painted.at(-1)).toEqual(at(-10, -20, 6))
  expect(canvas.style.transform).toBe('translate(-150px, -140px) scale(1)')
})

it('paints no more when it is gone', () => {
  takes = 30
  show(at(0, 0))
  show(at(0, 0, 2))
  plate.stop()
  vi.runAllTimers()
  expect(painted.length).toBe(1)
})
