import { expect, it } from 'vitest'
import { barOf } from './scale'

it.each([
  [1, null, 100, 100, 'px'],
  [2, null, 50, 100, 'px'],
  [0.3, null, 200, 60, 'px'],
  [1, 0.65, 50, 76.923, 'µm'],
  [0.02, 1, 5, 100, 'mm'],
])('at %d screen pixels a pixel of %s µm: %d', (scale, pixelSize, length, width, unit) => {
  expect(barOf(scale, pixelSize, 100)).toEqual({ length, width: expect.closeTo(width, 2), unit })
})
