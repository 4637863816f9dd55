import { describe, expect, it } from 'vitest'
import { generator } from '../../test/random'
import type { Frame, Job, Session } from './protocol'
import { adopt, countJobs, initialState, polled, reduce, withOlder, without, type HubState } from './state'

const session: Session = {
  id: 's',
  name: 'Ada',
  state: 'active',
  slot: 0,
  node: 'n',
  position: null,
  eta_seconds: null,
  jobs: { queued: 0, running: 0, done: 0, failed: 0, cancelled: 0 },
  seq: 0,
  expires_at: null,
}

function job(id: string, change: Partial<Job> = {}): Job {
  return {
    id,
    image_id: `image of ${id}`,
    filename: `${id}.png`,
    width: 10,
    height: 10,
    page: 0,
    pages: 1,
    model: 'm',
    state: 'queued',
    stage: '',
    percent: 0,
    error: null,
    created_at: '2026-01-01T00:00:00Z',
    started_at: null,
    finished_at: null,
    timing_ms: { queued: 0, decode: 0, infer: 0, postprocess: 0, total: 0 },
    ...change,
  }
}

const welcome = (seq: number, resumed = false, gap = false): Frame => ({ type: 'welcome', session: { ...session, seq }, seq, epoch: 'one', resumed, gap })
const snapshot = (seq: number, ...jobs: Job[]): Frame => ({ type: 'snapshot', session: { ...session, seq }, jobs, seq, epoch: 'one' })
const jobEvent = (seq: number, of: Job): Frame => ({ type: 'job', seq, job: of })
const deleted = (seq: number, of: Job): Frame => ({ type: 'job', seq, job: of, deleted: true })
const sessionEvent = (seq: number, change: Partial<Session>): Frame => ({ type: 'session', seq, session: { ...session, ...change, seq } })
const progress = (id: string, percent: number): Frame => ({ type: 'progress', job_id: id, stage: 'infer', done: 1, total: 2, percent })
const mask = (seq: number | undefined, id: string): Frame => ({
  type: 'mask',
  header: { type: 'mask', ...(seq === undefined ? {} : { seq }), job_id: id, image_id: '', final: seq !== undefined, x: 0, y: 0, width: 1, height: 1 },
  png: new Uint8Array(),
})

const after = (...frames: Frame[]): HubState => frames.reduce(reduce, initialState)

describe('a first connect', () => {
  it('takes the snapshot, oldest job first', () => {
    const state = after(welcome(4), snapshot(4, job('b'), job('a')))
    expect(state.seq).toBe(4)
    expect([...state.jobs.keys()]).toEqual(['a', 'b'])
    expect(state.session?.name).toBe('Ada')
  })

  it('has nothing to build on before the snapshot', () => {
    const state = after(welcome(4), jobEvent(5, job('a')))
    expect(state.jobs.size).toBe(0)
    expect(state.lost).toBe(false)
  })

  it('shows how far jobs are that run already', () => {
    const state = after(welcome(1), snapshot(1, job('a', { state: 'running', stage: 'infer', percent: 40 })))
    expect(state.progress.get('a')).toEqual({ stage: 'infer', percent: 40 })
  })
})

describe('kept events', () => {
  const begun = after(welcome(1), snapshot(1))

  it('are applied in order', () => {
    const state = [jobEvent(2, job('a')), jobEvent(3, job('b')), jobEvent(4, job('a', { state: 'running' }))].reduce(reduce, begun)
    expect(state.seq).toBe(4)
    expect([...state.jobs.values()].map(({ id, state }) => [id, state])).toEqual([['a', 'running'], ['b', 'queued']])
  })

  it('are applied once', () => {
    const once = reduce(begun, jobEvent(2, job('a', { state: 'done' })))
    const twice = [jobEvent(1, job('a')), jobEvent(2, job('a'))].reduce(reduce, once)
    expect(twice).toBe(once)
  })

  it('count masks among them', () => {
    const state = [jobEvent(2, job('a')), mask(3, 'a'), jobEvent(4, job('a', { state: 'done' }))].reduce(reduce, begun)
    expect(state.seq).toBe(4)
    expect(state.lost).toBe(false)
  })

  it('do not count tiles among them', () => {
    expect(reduce(begun, mask(undefined, 'a'))).toBe(begun)
  })

  it('show by their seq that one was lost, and nothing is applied until it came', () => {
    const lost = reduce(begun, jobEvent(3, job('b')))
    expect(lost).toMatchObject({ lost: true, seq: 1 })
    expect(reduce(lost, jobEvent(2, job('a')))).toBe(lost)
    const healed = [welcome(3, true), jobEvent(2, job('a')), jobEvent(3, job('b'))].reduce(reduce, lost)
    expect(healed).toMatchObject({ lost: false, seq: 3 })
    expect([...healed.jobs.keys()]).toEqual(['a', 'b'])
  })
})

describe('a resumed connection', () => {
  const before = after(welcome(1), snapshot(1, job('a')))

  it('keeps what is known and adds what was missed', () => {
    const state = [welcome(3, true), jobEvent(2, job('a', { state: 'running' })), jobEvent(3, job('a', { state: 'done' }))].reduce(reduce, before)
    expect(state.jobs.get('a')?.state).toBe('done')
    expect(state.seq).toBe(3)
  })

  it('does not run ahead of the events that follow', () => {
    const state = reduce(before, welcome(3, true))
    expect(state.seq).toBe(1)
    expect(state.session).toBe(before.session)
  })

  it('starts over after a gap', () => {
    const state = [welcome(9, false, true), jobEvent(9, job('z')), snapshot(9, job('c'))].reduce(reduce, before)
    expect([...state.jobs.keys()]).toEqual(['c'])
    expect(state.seq).toBe(9)
  })

  it('has nothing to build on once HTTP has told the state, and asks to begin anew', () => {
    const lost = [welcome(3, true), jobEvent(3, job('a', { state: 'done' }))].reduce(reduce, polled(before, session, null, null))
    expect(lost).toMatchObject({ lost: true, seq: null })
    expect([welcome(3), snapshot(3, job('b'))].reduce(reduce, lost)).toMatchObject({ lost: false, seq: 3 })
  })

  it('is the end of a draining', () => {
    const draining = reduce(before, { type: 'draining', reconnect_after_ms: 100 })
    expect(draining.draining).toBe(true)
    expect(reduce(draining, welcome(1, true)).draining).toBe(false)
  })
})

// The promise of seq: however a connection breaks, and whatever comes twice, the end is the same.
describe('any way of breaking and resuming', () => {
  const log: Frame[] = []
  for (const id of ['a', 'b', 'c', 'd']) log.push(jobEvent(log.length + 1, job(id)))
  for (const id of ['a', 'b', 'c']) {
    log.push(jobEvent(log.length + 1, job(id, { state: 'running' })))
    log.push(mask(log.length + 1, id))
    log.push(jobEvent(log.length + 1, job(id, { state: 'done' })))
  }
  log.push(jobEvent(log.length + 1, job('d', { state: 'failed' })))
  const straight = [welcome(0), snapshot(0), ...log].reduce(reduce, initialState)

  it.each(Array.from({ length: 40 }, (_, seed) => seed))('gives the same state (seed %i)', (seed) => {
    const random = generator(seed)
    let state = [welcome(0), snapshot(0)].reduce(reduce, initialState)
    while (state.seq! < log.length) {
      const from = state.seq!
      state = reduce(state, welcome(log.length, true))
      for (const frame of log.slice(from)) {
        const chance = random()
        if (chance < 0.1) break // the line breaks
        if (chance < 0.2) continue // a frame is lost on its way
        state = reduce(state, frame)
        if (chance > 0.9) state = reduce(state, frame) // it comes twice
        if (state.lost) break // the client reconnects
      }
    }
    expect({ ...state, session: null }).toEqual({ ...straight, session: null })
  })
})

describe('progress', () => {
  const running = after(welcome(2), snapshot(2, job('a', { state: 'running' }), job('b')))

  it('is the newest word on a running job', () => {
    expect([progress('a', 10), progress('a', 60)].reduce(reduce, running).progress.get('a')).toEqual({ stage: 'infer', percent: 60 })
  })

  it.each([['queued', 'b'], ['unknown', 'z']])('of a job that is %s is passed over', (_, id) => {
    expect(reduce(running, progress(id, 10))).toBe(running)
  })

  it.each(['done', 'failed', 'cancelled', 'queued'] as const)('ends when the job is %s, and does not begin again', (end) => {
    const ended = [progress('a', 60), jobEvent(3, job('a', { state: end }))].reduce(reduce, running)
    expect(ended.progress.has('a')).toBe(false)
    expect(reduce(ended, progress('a', 70))).toBe(ended)
  })

  it('leaves the map of jobs alone, which may be large', () => {
    expect(reduce(running, progress('a', 10)).jobs).toBe(running.jobs)
  })
})

describe('the place in line', () => {
  const inLine = after(welcome(1), snapshot(1), sessionEvent(2, { state: 'waiting', slot: null, position: 3 }))
  const moved = reduce(inLine, { type: 'position', position: 2, waiting: 4, eta_seconds: 41 })

  it('moves without a kept event', () => {
    expect(moved.session).toMatchObject({ position: 2, eta_seconds: 41 })
    expect(moved.waiting).toBe(4)
    expect(moved.seq).toBe(2)
  })

  it('keeps its time when an event does not know one', () => {
    const next = reduce(moved, sessionEvent(3, { state: 'waiting', slot: null, position: 2 }))
    expect(next.session?.eta_seconds).toBe(41)
  })

  it('is over with the wait', () => {
    const active = reduce(moved, sessionEvent(3, { state: 'active', slot: 1 }))
    expect(active.session).toMatchObject({ state: 'active', position: null, eta_seconds: null })
    expect(reduce(active, { type: 'position', position: 1, waiting: 1, eta_seconds: 5 })).toBe(active)
  })
})

it('shows statistics', () => {
  const stats = { slots: { total: 4, active: 2 }, waiting: 3, workers: [], memory: {
    used_bytes: 1, total_bytes: 2, budget_bytes: 2, booked_bytes: 0,
    pressure: 'normal' as const, breaker: 'closed' as const, utilisation: null, temperature_c: null,
  } }
  const state = after({ type: 'stats', ...stats })
  expect(state.stats).toEqual(stats)
  expect(state.waiting).toBe(3)
})

it('adopts the jobs of an upload unless their events were faster', () => {
  const begun = after(welcome(1), snapshot(1), jobEvent(2, job('a', { state: 'running' })))
  const adopted = adopt(begun, [job('a'), job('b')])
  expect(adopted.jobs.get('a')?.state).toBe('running')
  expect(adopted.jobs.get('b')?.state).toBe('queued')
  expect(adopt(adopted, [job('b')])).toBe(adopted)
})

describe('an image that was deleted', () => {
  const two = { image_id: 'two' }
  const state = after(welcome(1), snapshot(1, job('a', { state: 'done' }), job('b', { ...two, state: 'done' }), job('c', { ...two, state: 'running' })))

  it('elsewhere is forgotten with all its jobs', () => {
    const told = [deleted(2, job('b', { ...two, state: 'cancelled' })), deleted(3, job('c', { ...two, state: 'cancelled' }))].reduce(reduce, state)
    expect([...told.jobs.keys()]).toEqual(['a'])
    expect(told).toMatchObject({ seq: 3, progress: new Map() })
    const waiting = reduce(after(welcome(1), snapshot(1, job('a'))), deleted(2, job('a', { state: 'cancelled' })))
    expect(waiting.jobs.size).toBe(0)
  })

  it('is not back when its worker is heard of', () => {
    const running = job('c', { ...two, state: 'running' })
    const here = without(state, 'two')
    const told = [adopt(reduce(here, jobEvent(2, { ...running, state: 'cancelled' })), [running]), reduce(here, snapshot(2, running, job('a'))), polled(here, session, [running, job('a')], null)]
    expect(told.map(({ jobs }) => [...jobs.keys()])).toEqual([['a'], ['a'], ['a']])
  })

  it('is not one whose job was cancelled', () => {
    const cancelled = job('c', { ...two, state: 'cancelled' })
    const told = [jobEvent(2, cancelled), jobEvent(3, { ...cancelled, pixel_size: 0.5 })].reduce(reduce, state)
    expect([told.jobs.size, told.jobs.get('c')]).toEqual([3, { ...cancelled, pixel_size: 0.5 }])
  })
})

it('adds what a snapshot has left out, but nothing that has changed or gone since', () => {
  const told = [job('d'), job('c')]
  const now = without(after(snapshot(4, ...told), jobEvent(5, job('a', { state: 'done' })), jobEvent(6, job('e'))), job('c').image_id)
  const all = withOlder(now, [...told, job('b'), job('a')], told)
  expect([...all.jobs.keys()]).toEqual(['a', 'b', 'd', 'e'])
  expect(all.jobs.get('a')?.state).toBe('done')
})

it('counts jobs by state', () => {
  const state = after(welcome(1), snapshot(1, job('a'), job('b', { state: 'done' }), job('c', { state: 'done' })))
  expect(countJobs(state.jobs)).toEqual({ queued: 1, running: 0, done: 2, failed: 0, cancelled: 0 })
})
