// @vitest-environment happy-dom
import { expect, it } from 'vitest'
import { mounted, one } from '../../test/mounted'
import type { Stats } from '../lib/protocol'
import { countJobs, initialState } from '../lib/state'
import Slots from './Slots.svelte'

it.each([
  [undefined, false], // an older hub
  [null, false],
  ['end the programs that nvidia-smi lists on the GPU', true],
])('says why images take longer where there is a GPU and it is not used (%s)', (gpu_unused, says) => {
  const stats = { slots: { total: 1, active: 0 }, waiting: 0, workers: [], gpu_unused } as unknown as Stats
  mounted(Slots, { hub: { ...initialState, stats }, counts: countJobs(initialState.jobs) })
  expect(one('.you').textContent?.includes('on the CPU, until the hub is started anew: end the programs')).toBe(says)
})
