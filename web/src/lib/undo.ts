// Undoing and redoing. The hub keeps every revision of a result; what is kept here is the way back and forth among them, in
// the browser's store, so that it outlives the page.

import { recall, remember } from './remembered'

export interface History {
  past: number[] // revisions, the newest last
  future: number[]
  at: number // the newest revision that it knows of
}

const key = (job: string) => `seghub.undo.${job}`
const longest = 200 // steps

/**
 * historyOf is the way back and forth from the newest revision of a job. Each that came since is a step of its own, whoever made it: a
 * threshold that was kept, another tab's correction, one whose answer was lost. To go back beyond them would lose them. Nor is there a way to
 * what the hub itself has lost.
 */
export function historyOf(job: string, newest: number): History {
  const history = recall<History>(key(job), { past: [], future: [], at: newest })
  if (newest < history.at) return { past: history.past.filter((revision) => revision < newest), future: [], at: newest }
  if (newest === history.at) return history
  const since = Array.from({ length: newest - history.at }, (_, step) => history.at + step)
  return { past: [...history.past, ...since].slice(-longest), future: [], at: newest }
}

/** begin writes down where a change begins that is about to be asked for. */
export function begin(job: string, newest: number): void {
  remember(key(job), historyOf(job, newest))
}

/** moved writes down the way from the revision that going back or forth has made. */
export function moved(job: string, { past, future, at }: History, to: number, way: 'undo' | 'redo'): void {
  const history = way === 'undo' ? { past: past.slice(0, -1), future: [...future, at] } : { past: [...past, at], future: future.slice(0, -1) }
  remember(key(job), { ...history, at: to })
}
