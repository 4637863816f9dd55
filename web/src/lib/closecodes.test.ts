import { expect, it } from 'vitest'
import table from '../../../hub/closecodes.json'
import { closeOf } from './closecodes'

it.each([
  [1000, 'stop'],
  [1001, 'reconnect'],
  [1006, 'reconnect'],
  [1011, 'reconnect'],
  [4401, 'stop'],
  [4404, 'stop'],
  [4408, 'reconnect'],
  [4409, 'stop'],
  [4429, 'wait'],
  [4999, 'reconnect'],
])('after %i: %s', (code, then) => {
  expect(closeOf(code).then).toBe(then)
})

it('knows what to do after every row of the shared table', () => {
  expect(table.length).toBeGreaterThan(0)
  for (const row of table) expect(['stop', 'reconnect', 'wait']).toContain(row.then)
})
