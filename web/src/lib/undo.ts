// Undoing and redoing. The hub keeps every revision of a result; what is kept here is the way back and forth among them, in
// the browser's store, so that it outlives the page.

import { forget, keysOf, recall, remember } from './remembered'

export interface History {
  past: number[] // revisions, the newest last
  future: number[]
  at: number // the newest revision that it knows of
}

const prefix = 'seghub.undo.'
const key = (job: string) => prefix + job
const longest = 200 // steps
/** Of how many jobs the way is kept, those changed last: the browser's store is small, and all that the page remembers is in it. */
export const kept = 200

/**
 * historyOf is the way back and forth from the newest revision of a job. Each that came since is a step of its own, whoever made it: a
 * threshold that was kept, another tab's correction, one whose answer was lost. To go back beyond them would lose them. Nor is there a way to
 * what the hub itself has lost.
 */
export function historyOf(job: string, newest: number): History {
  const { past, future, at } = recall<History>(key(job), { past: [], future: [], at: newest })
  if (newest < at) return { past: past.filter((revision) => revision < newest), future: [], at: newest }
  if (newest === at) return { past, future, at }
  const since = Array.from({ length: newest - at }, (_, step) => at + step)
  return { past: [...past, ...since].slice(-longest), future: [], at: newest }
}

/** begin writes down where a change begins that is about to be asked for. */
export function begin(job: string, newest: number): void {
  write(job, historyOf(job, newest))
}

/** moved writes down the way from the revision that going back or forth has made. */
export function moved(job: string, { past, future, at }: History, to: number, way: 'undo' | 'redo'): void {
  const history = way === 'undo' ? { past: past.slice(0, -1), future: [...future, at] } : { past: [...past, at], future: future.slice(0, -1) }
  write(job, { ...history, at: to })
}

function write(job: string, history: History): void {
  const known = keysOf(prefix)
  if (known.length >= kept && !known.includes(key(job))) {
    const age = new Map(known.map((each) => [each, recall(each, { changed: 0 }).changed]))
    for (const each of known.sort((a, b) => age.get(b)! - age.get(a)!).slice(kept - 1)) forget(each)
  }
  remember(key(job), { ...history, changed: Date.now() })
}
