// The table of close codes is the hub's own file: client and server cannot disagree.

import table from '../../../hub/closecodes.json'

export type Then = 'stop' | 'reconnect' | 'wait'

export interface Close {
  code: number
  name: string
  reason: string
  then: Then
}

const rows = new Map((table as Close[]).map((row) => [row.code, row]))

/** closeOf is the row of code. A code that nobody sent (1006: the line is dead) is worth another try. */
export function closeOf(code: number): Close {
  return rows.get(code) ?? { code, name: 'lost', reason: 'The connection was lost.', then: 'reconnect' }
}
