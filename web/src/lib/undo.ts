// Undoing and redoing corrections. The hub keeps every revision of a result; what is kept here is the way back and forth
// among them, in the browser's store, so that it outlives the page.

import { recall, remember } from './remembered'

export interface History {
  past: number[] // revisions, the newest last
  future: number[]
}

const key = (job: string) => `seghub.undo.${job}`
const longest = 200 // steps

export function historyOf(job: string): History {
  return recall(key(job), { past: [], future: [] })
}

/** stepped is the history after a correction of the given revision. */
export function stepped(job: string, from: number): History {
  const history = { past: [...historyOf(job).past, from].slice(-longest), future: [] }
  remember(key(job), history)
  return history
}

/** moved is the history after going back or forth from a revision. */
export function moved(job: string, from: number, way: 'undo' | 'redo'): History {
  const { past, future } = historyOf(job)
  const history = way === 'undo' ? { past: past.slice(0, -1), future: [...future, from] } : { past: [...past, from], future: future.slice(0, -1) }
  remember(key(job), history)
  return history
}
