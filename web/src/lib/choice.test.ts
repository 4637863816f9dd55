import { expect, test } from 'vitest'
import { askedOf } from './choice'
import type { Model } from './protocol'

test('a diameter is asked of models that have one alone', () => {
  const model = { diameter: { best: 34, least: 24, most: 60 } } as Model
  const wishes = { diameter: 12, threshold: 0.4 }
  expect(askedOf(model, wishes)).toEqual(wishes)
  expect(askedOf(model, { threshold: 0.4 })).toEqual({ threshold: 0.4 })
  for (const other of [{ diameter: null } as Model, {} as Model, undefined]) expect(askedOf(other, wishes)).toEqual({ threshold: 0.4 })
})
