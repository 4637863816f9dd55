import { expect, it } from 'vitest'
import { alikeOf, parted } from './names'

it.each([
  ['well-012.png', 'well-012.png', ''],
  ['MLS11 spheroids_B03ED7830C1.tif', 'MLS11 spheroids_B03ED', '7830C1.tif'],
  ['🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬.tif', '🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬', '🔬🔬🔬🔬🔬🔬.tif'],
])('parts %s where room may be short', (name, head, tail) => expect(parted(name)).toEqual([head, tail, '']))

it.each([
  [['Experiment 7_A01_s1_w1.TIF', 'Experiment 7_A12_s1_w1.TIF', 'Experiment 7_B01_s1_w1.TIF'], 'A12'],
  [['Plate7_ΔNp63α_well_A1_field_0_ch00.tif', 'Plate7_ΔNp63α_well_A12_field_9_ch00.tif', 'Plate7_ΔNp63α_well_B1_field_3_ch00.tif'], 'A12_field_9'],
  [['overview of day 1, image 13.png', 'overview of day 1, image 19.png', 'overview of day 1, image 14.png'], '19'],
  [['the same name for all.tif', 'the same name for all.tif'], 'or all.tif'],
  [['spheroids of monday 1.tif', 'nuclei in another colour 2.tif'], 'lour 2.tif'],
  [['🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬 and 🔬 a.tif', '🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬🔬 and 🔭 a.tif'], '🔭'],
])('shows what tells a name from its neighbours: %j', (names, middle) => {
  const parts = parted(names[1]!, alikeOf(names))
  expect([parts[1], parts.join('')]).toEqual([middle, names[1]])
})
