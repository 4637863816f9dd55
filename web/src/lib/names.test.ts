import { expect, it } from 'vitest'
import { parted } from './names'

it.each([
  ['well-012.png', 'well-012.png', ''],
  ['MLS11 spheroids_B03ED7830C1.tif', 'MLS11 spheroids_B03ED', '7830C1.tif'],
  ['🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬.tif', '🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬', '🔬🔬🔬🔬🔬🔬.tif'],
])('parts %s where room may be short', (name, head, tail) => expect(parted(name)).toEqual([head, tail]))
