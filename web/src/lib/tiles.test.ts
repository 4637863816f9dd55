import { expect, it } from 'vitest'
import { levelFor, tilesInSight } from './tiles'

it.each([
  [1, 0],
  [0.6, 0],
  [0.5, 1],
  [0.26, 1],
  [0.25, 2],
  [0.01, 4],
  [8, 0],
])('at %d screen pixels a pixel takes level %i of 5', (scale, level) => expect(levelFor(scale, 5)).toBe(level))

it('wants what the window shows, and no tile that there is not', () => {
  const image = { width: 3000, height: 1500 }
  const window = { width: 800, height: 400 }
  expect(tilesInSight(0, image, window, { scale: 1, x: -600, y: -1200 })).toEqual([{ level: 0, x: 1, y: 2 }, { level: 0, x: 2, y: 2 }])
  expect(tilesInSight(2, image, window, { scale: 0.25, x: 0, y: 0 }).map(({ x, y }) => [x, y])).toEqual([[0, 0], [1, 0]])
})
