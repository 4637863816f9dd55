// What the frames of a session add up to. `reduce` is pure: the same frames give the same state, whatever
// connections they came over.
//
// The rules:
//   - A kept event is applied when its seq follows the newest; an older one has been applied before and is
//     passed over; a later one shows that something was lost, and the state asks to be resumed.
//   - A snapshot replaces everything.
//   - When an image is deleted, all its jobs are forgotten, and what is still heard of them is passed over.
//   - Progress belongs to running jobs alone: what arrives late cannot bring a finished job back to life.

import type { Frame, Job, JobState, Session, Stage, Stats } from './protocol'

export interface Progress {
  stage: Stage
  percent: number
}

export interface HubState {
  readonly session: Session | null
  /** All jobs by id, oldest first. */
  readonly jobs: ReadonlyMap<string, Job>
  /** Images that were deleted; their workers may yet be heard of. */
  readonly gone: ReadonlySet<string>
  /** Images that the hub was asked to delete, and has not answered for. */
  readonly leaving: ReadonlySet<string>
  /** How far the running jobs are; apart from jobs, because it changes far more often. */
  readonly progress: ReadonlyMap<string, Progress>
  readonly stats: Stats | null
  /** Sessions in line, as last heard. */
  readonly waiting: number
  /** The newest event that was applied; null before the first snapshot. */
  readonly seq: number | null
  /** Set when an event is missing, or what events build on: reconnect with seq. */
  readonly lost: boolean
  readonly draining: boolean
}

export const initialState: HubState = {
  session: null,
  jobs: new Map(),
  gone: new Set(),
  leaving: new Set(),
  progress: new Map(),
  stats: null,
  waiting: 0,
  seq: null,
  lost: false,
  draining: false,
}

export function reduce(state: HubState, frame: Frame): HubState {
  switch (frame.type) {
    case 'welcome':
      return welcome(state, frame)
    case 'snapshot':
      return {
        ...state,
        session: frame.session,
        ...known(state, frame.jobs),
        seq: frame.seq,
        lost: false,
      }
    case 'session':
      return inOrder(state, frame.seq, () => ({ session: keepETA(state.session, frame.session) }))
    case 'job':
      return inOrder(state, frame.seq, () => (frame.deleted ? without(state, frame.job.image_id) : withJob(state, frame.job)))
    case 'edit':
      return inOrder(state, frame.seq, () => {
        const job = state.jobs.get(frame.job_id)
        return job ? { jobs: new Map(state.jobs).set(job.id, { ...job, revision: frame.revision }) } : {}
      })
    case 'mask':
      return frame.header.seq === undefined ? state : inOrder(state, frame.header.seq, () => ({}))
    case 'position':
      return position(state, frame)
    case 'progress':
      if (state.jobs.get(frame.job_id)?.state !== 'running') return state
      return { ...state, progress: new Map(state.progress).set(frame.job_id, { stage: frame.stage, percent: frame.percent }) }
    case 'stats': {
      const { type: _, ...stats } = frame
      return { ...state, stats, waiting: stats.waiting }
    }
    case 'draining':
      return { ...state, draining: true }
    case 'error':
    case 'pong':
      return state
  }
}

/** A job that an upload's answer tells of before its event does: shown at once, and never older than the event. */
export function adopt(state: HubState, jobs: readonly Job[]): HubState {
  const unknown = jobs.filter((job) => !state.jobs.has(job.id) && !state.gone.has(job.image_id))
  if (unknown.length === 0) return state
  return { ...state, jobs: new Map([...state.jobs, ...unknown.map((job): [string, Job] => [job.id, job])]) }
}

/**
 * withOlder adds the jobs that a snapshot has left out, from all there are, newest first. What is known is never older, and what was at the
 * snapshot and is no more was removed since.
 */
export function withOlder(state: HubState, all: readonly Job[], snapshot: readonly Job[]): HubState {
  const told = new Set(snapshot.map(({ id }) => id))
  const jobs = byAge(all.filter(({ id, image_id }) => !state.gone.has(image_id) && (!told.has(id) || state.jobs.has(id))))
  const progress = new Map([...progressOf([...jobs.values()].filter(({ id }) => !state.jobs.has(id))), ...state.progress])
  for (const [id, job] of state.jobs) jobs.set(id, job)
  return { ...state, jobs, progress }
}

/** polled is the state as HTTP has it, for a page that no socket reaches: without a seq, so that a socket begins anew. */
export function polled(state: HubState, session: Session, jobs: readonly Job[] | null, stats: Stats | null): HubState {
  return { ...state, session, ...(jobs && known(state, jobs)), ...(stats && { stats, waiting: stats.waiting }), seq: null, lost: false, draining: false }
}

/** staying are the jobs of images that are not about to be deleted: of one that is, nothing can be asked for any moment. */
export function staying(jobs: ReadonlyMap<string, Job>, leaving: ReadonlySet<string>): ReadonlyMap<string, Job> {
  return leaving.size === 0 ? jobs : new Map([...jobs].filter(([, job]) => !leaving.has(job.image_id)))
}

/** without forgets an image that was deleted, and its jobs. */
export function without(state: HubState, image: string): HubState {
  const jobs = new Map([...state.jobs].filter(([, job]) => job.image_id !== image))
  const progress = new Map([...state.progress].filter(([id]) => jobs.has(id)))
  return { ...state, gone: new Set(state.gone).add(image), jobs, progress }
}

export function countJobs(jobs: ReadonlyMap<string, Job>): Record<JobState, number> {
  const counts: Record<JobState, number> = { queued: 0, running: 0, done: 0, failed: 0, cancelled: 0 }
  for (const job of jobs.values()) counts[job.state]++
  return counts
}

function welcome(state: HubState, frame: Extract<Frame, { type: 'welcome' }>): HubState {
  const next = { ...state, draining: false, lost: false }
  if (frame.resumed) {
    // HTTP told the state while the socket was on its way: what follows builds on a state that is no more.
    if (state.seq === null) return { ...next, lost: true }
    // What was missed follows event by event, and the session's own changes are among it.
    return frame.seq === state.seq ? { ...next, session: frame.session } : next
  }
  // A snapshot follows; events before it would have nothing to build on.
  return { ...next, session: frame.session, seq: null }
}

/** Applies the change that an event of the given seq brings, if it is that event's turn. */
function inOrder(state: HubState, seq: number, change: () => Partial<HubState>): HubState {
  if (state.seq === null || state.lost || seq <= state.seq) return state
  if (seq > state.seq + 1) return { ...state, lost: true }
  return { ...state, ...change(), seq }
}

function withJob(state: HubState, job: Job): Partial<HubState> {
  if (state.gone.has(job.image_id)) return {}
  const jobs = new Map(state.jobs).set(job.id, job)
  if (job.state === 'running') {
    return { jobs, progress: new Map(state.progress).set(job.id, { stage: job.stage, percent: job.percent }) }
  }
  if (!state.progress.has(job.id)) return { jobs }
  const progress = new Map(state.progress)
  progress.delete(job.id)
  return { jobs, progress }
}

function position(state: HubState, frame: Extract<Frame, { type: 'position' }>): HubState {
  if (state.session?.state !== 'waiting') return state
  const session = { ...state.session, position: frame.position, eta_seconds: frame.eta_seconds }
  return { ...state, session, waiting: frame.waiting }
}

/** Kept events do not say how long it takes; the last word on it holds while the place is the same. */
function keepETA(before: Session | null, now: Session): Session {
  const same = before?.state === 'waiting' && now.state === 'waiting' && before.position === now.position
  return same && now.eta_seconds === null ? { ...now, eta_seconds: before.eta_seconds } : now
}

/** All jobs as the hub has them. */
function known(state: HubState, all: readonly Job[]): Pick<HubState, 'jobs' | 'progress'> {
  const jobs = all.filter((job) => !state.gone.has(job.image_id))
  return { jobs: byAge(jobs), progress: progressOf(jobs) }
}

/** Jobs come newest first. */
function byAge(jobs: readonly Job[]): Map<string, Job> {
  return new Map(jobs.toReversed().map((job) => [job.id, job]))
}

function progressOf(jobs: readonly Job[]): Map<string, Progress> {
  return new Map(jobs.filter((job) => job.state === 'running').map(({ id, stage, percent }) => [id, { stage, percent }]))
}
