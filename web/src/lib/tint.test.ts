import { expect, it } from 'vitest'
import { colour, maskColour } from './tint'

it('makes brightness opacity, in one colour', () => {
  const pixels = new Uint8ClampedArray([255, 255, 255, 255, 0, 0, 0, 255, 128, 128, 128, 255])
  colour(pixels)
  expect([...pixels]).toEqual([...maskColour, 255, ...maskColour, 0, ...maskColour, 128])
})
