// The list of images as a person wants it: results of one picture together, those that are looked for, in their order.

import { sampleOf } from './channels'
import { byName } from './names'
import type { Job, JobState } from './protocol'

export const shownStates = ['all', 'open', 'done', 'failed', 'cancelled'] as const
export const orders = ['added', 'name', 'count', 'state'] as const

export interface ListQuery {
  search: string
  state: (typeof shownStates)[number]
  order: (typeof orders)[number]
}

export const everything: ListQuery = { search: '', state: 'all', order: 'added' }

/** A result in the list; the first of its picture, or one more. */
export interface Entry {
  job: Job
  first: boolean
}

/** pictureOf names what a job segmented: one page of one file, or a channel of it. */
export function pictureOf(job: Job): string {
  return `${job.image_id} ${job.page} ${sampleOf(job)}`
}

/**
 * pagesOf gives one job for each page of the file that this one's is of, in their order: for its own the job itself, for another the result
 * that is closest to it: of the same request, or else of the same settings, or else of the same model, and of several the newest. Jobs come
 * oldest first.
 */
export function pagesOf(jobs: Iterable<Job>, of: Job): Job[] {
  const settings = JSON.stringify(of.options)
  const closeness = (job: Job) => {
    if (job.id === of.id) return 4
    if (job.state === 'cancelled' || job.state === 'failed') return 0
    return job.created_at === of.created_at ? 3 : JSON.stringify(job.options) === settings ? 2 : 1
  }
  const pages = new Map<number, Job>()
  for (const job of jobs) {
    if (job.image_id !== of.image_id || job.model !== of.model || sampleOf(job) !== sampleOf(of)) continue
    const known = pages.get(job.page)
    if (!known || closeness(job) >= closeness(known)) pages.set(job.page, job)
  }
  return [...pages.values()].sort((a, b) => a.page - b.page)
}

export function isOpen(job: Job): boolean {
  return job.state === 'queued' || job.state === 'running'
}

const byState: Record<JobState, number> = { running: 0, queued: 1, failed: 2, cancelled: 3, done: 4 }

/** arrange gives the jobs to show; jobs come oldest first. */
export function arrange(jobs: Iterable<Job>, query: ListQuery): Entry[] {
  const wanted = searched(query.search.trim())
  const pictures = new Map<string, Job[]>()
  for (const job of jobs) {
    if (wanted && !searched(job.filename).includes(wanted)) continue
    if (query.state !== 'all' && !(query.state === 'open' ? isOpen(job) : job.state === query.state)) continue
    const picture = pictureOf(job)
    const together = pictures.get(picture)
    if (together) together.push(job)
    else pictures.set(picture, [job])
  }
  const groups = [...pictures.values()]
  if (query.order === 'name') groups.sort(([a], [b]) => byName(a!.filename, b!.filename) || a!.page - b!.page)
  if (query.order === 'count') groups.sort((a, b) => most(b) - most(a))
  if (query.order === 'state') groups.sort((a, b) => Math.min(...a.map(({ state }) => byState[state])) - Math.min(...b.map(({ state }) => byState[state])))
  return groups.flatMap((group) => group.map((job, index) => ({ job, first: index === 0 })))
}

/** A name from a Mac has its accents as characters of their own, and who searches types them with their letters. */
function searched(text: string): string {
  return text.toLowerCase().normalize()
}

function most(group: readonly Job[]): number {
  return Math.max(...group.map(({ count }) => count ?? -1))
}

/** failedOf are the jobs that failed and were not tried again since; jobs come oldest first. */
export function failedOf(jobs: Iterable<Job>): Job[] {
  const last = new Map<string, Job>()
  for (const job of jobs) last.set(`${pictureOf(job)} ${job.model}`, job)
  return [...last.values()].filter(({ state }) => state === 'failed')
}

/** newestOf are the newest results of all pictures; jobs come oldest first. */
export function newestOf(jobs: Iterable<Job>): Job[] {
  const newest = new Map<string, Job>()
  for (const job of jobs) if (job.state === 'done') newest.set(pictureOf(job), job)
  return [...newest.values()]
}

/** objectsIn counts the objects of all pictures, each by its newest result. */
export function objectsIn(jobs: Iterable<Job>): number {
  return newestOf(jobs).reduce((sum, { count }) => sum + (count ?? 0), 0)
}

const recent = 30 // images that a pace is taken from
const fewest = 3

export interface Pace {
  perSecond: number
  secondsLeft: number
}

/** paceOf is how fast images finish now and how long the rest takes; null while too little is known. */
export function paceOf(jobs: Iterable<Job>): Pace | null {
  let left = 0
  const ends: number[] = []
  for (const job of jobs) {
    if (isOpen(job)) left++
    else if (job.state === 'done' && job.finished_at) ends.push(Date.parse(job.finished_at))
  }
  ends.sort((a, b) => a - b)
  const last = ends.slice(-recent)
  const span = ((last.at(-1) ?? 0) - (last[0] ?? 0)) / 1000
  if (left === 0 || last.length < fewest || span <= 0) return null
  const perSecond = (last.length - 1) / span
  return { perSecond, secondsLeft: left / perSecond }
}
