// A person's side of the hub: session, connection, state, uploads and masks in one object that a page can
// show. It knows nothing of pages.
//
//	starting -> signed_out -signIn-> live -> ended (closed, expired) -startAgain-> live | signed_out
//	    \------------------------->---^

import { Api, cookieRefused, Failure, isPassing, signInOnTheWay } from './api'
import { delay } from './backoff'
import { randomKey, type Keep, type Tabs } from './keep'
import { LRU } from './lru'
import { Masks } from './masks'
import type { Command, Edited, Frame, Job, Model, Operation, Result, Sample, Wishes } from './protocol'
import { LiveSocket, type Link, type SocketOptions } from './socket'
import { adopt, initialState, polled, reduce, withOlder, without, type HubState } from './state'
import { Uploads, type Pending, type Settings } from './uploads'

export type Phase =
  | { name: 'starting'; trouble: unknown } // why the hub has not answered, if it was asked in vain
  | { name: 'signed_out' }
  | { name: 'live' }
  | { name: 'ended'; why: Ending }

/** Why a session is over: it was closed, the hub does not know it, or the two do not understand each other. */
export type Ending = 'closed' | 'unknown' | 'protocol'

/** Everything that a page shows; replaced, never changed. */
export interface View {
  readonly phase: Phase
  readonly link: Link
  /** No socket comes through, but HTTP does: the page asks instead of being told. */
  readonly asking: boolean
  /** Nothing comes through until somebody signs in to a proxy on the way, to which the page must be loaded anew. */
  readonly barred: boolean
  /** The browser cannot keep files: what has not arrived is lost with the page. */
  readonly unkept: boolean
  readonly hub: HubState
  readonly pending: readonly Pending[]
  readonly models: readonly Model[]
  readonly samples: readonly Sample[]
}

type Snapshot = Extract<Frame, { type: 'snapshot' }>

export interface ClientOptions {
  api: Api
  socket: Pick<SocketOptions, 'url' | 'WebSocket' | 'random' | 'reconnect' | 'patient' | 'pingEvery'>
  onChange: (view: View) => void
  modelsEvery?: number // ms
  askEvery?: number // ms, while no socket comes through
  againWithin?: number // ms
  /** Where files are kept until they have arrived, and which tabs do so. */
  keep?: { store: Keep; tabs: Tabs }
}

/** Results that are kept, by their objects: 5,000 of them are 10 MB. */
const keptObjects = 50_000
const leastWeight = 250 // objects, of a result with fewer
/** How often the models are asked for. They come, are replaced and go at any time, and the socket does not tell of it. */
const modelsEvery = 10_000 // ms
const startBackoff = { base: 1_000, cap: 10_000 }
/** After this many sockets in a row that did not come through, HTTP is tried. */
const socketTries = 2
const askEvery = 2_000 // ms
const atOnce = 6 // requests to cancel or remove: as many as a browser sends
/** What is shown and could not be had is asked for again when the hub is back, and this often: it may not have been away for all. */
const againWithin = 5_000 // ms

export class Client {
  readonly masks: Masks
  private readonly api: Api
  private readonly socket: LiveSocket
  private readonly uploads: Uploads
  private readonly results = new LRU<string, Promise<Result>>(keptObjects)
  private asks = false
  private readonly waiting = new Set<() => void>() // for the hub
  private readonly unanswered = new Map<string, string>() // keys of requests to segment again, by what they ask
  private snapshot: Snapshot | null = null // the newest
  private session = '' // that the page went live with last
  private current: View = {
    phase: { name: 'starting', trouble: null },
    link: { state: 'idle' },
    asking: false,
    barred: false,
    unkept: false,
    hub: initialState,
    pending: [],
    models: [],
    samples: [],
  }

  constructor(private readonly options: ClientOptions) {
    this.api = options.api
    if (options.keep) options.keep.tabs.heard = (session) => void this.compare(session)
    this.masks = new Masks((job) => this.api.mask(job))
    this.socket = new LiveSocket({
      ...options.socket,
      since: () => this.current.hub.seq,
      onFrame: (frame) => this.hear(frame),
      onLink: (link) => this.linked(link),
    })
    this.uploads = new Uploads({
      api: this.api,
      onChange: (pending) => this.change({ pending }),
      onAccepted: (jobs) => this.change({ hub: adopt(this.current.hub, jobs) }),
      onUnkept: () => this.change({ unkept: true }),
      ...(options.keep && { keep: options.keep.store, tab: options.keep.tabs.own }),
    })
  }

  get view(): View {
    return this.current
  }

  /** start finds out whether the browser has a session; a hub that does not answer is asked again. */
  async start(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        const session = await this.api.session()
        if (session) this.goLive(session.id)
        else this.change({ phase: { name: 'signed_out' } })
        return void this.adoptKept()
      } catch (error) {
        this.change({ phase: { name: 'starting', trouble: error } })
        await pause(delay(startBackoff, attempt))
      }
    }
  }

  /**
   * signIn starts a session, or joins the one that another tab has started meanwhile: all tabs have one cookie. It fails with a
   * Failure of code access_key_required where a key is missing or wrong, and of code cookieRefused where the browser keeps none.
   */
  async signIn(name: string, accessKey: string): Promise<void> {
    const there = await this.api.session()
    if (!there) await this.api.createSession(name, accessKey)
    const session = there ?? (await this.api.session())
    if (!session) throw new Failure(cookieRefused, 'No cookie', 'This browser keeps no cookie of this hub, and cannot stay signed in without. Allow cookies for this page.', 0)
    this.goLive(session.id)
  }

  /** signOut ends the session: its queue is cancelled, its files are deleted. */
  async signOut(): Promise<void> {
    this.socket.stop() // what it would say of the end is known here
    try {
      await this.api.closeSession()
    } catch (error) {
      this.socket.start()
      throw error
    }
    this.uploads.clear()
    this.end({ name: 'signed_out' })
  }

  /** startAgain leaves an ended session behind. Another tab may have started a new one. */
  async startAgain(): Promise<void> {
    this.change({ phase: { name: 'starting', trouble: null } })
    await this.start()
  }

  /** upload takes files; without settings they are held until decide says what to do with them. Of lost ones there are only names. */
  upload(files: readonly File[], settings: Settings | null, lost: readonly string[] = []): void {
    this.uploads.add(files, settings)
    this.uploads.lose(lost)
  }

  async uploadSample(sample: Sample, settings: Settings | null): Promise<void> {
    this.uploads.add([await this.api.sampleFile(sample)], settings)
  }

  decide(ids: Iterable<number>, settings: Settings): void {
    this.uploads.assign(new Set(ids), settings)
  }

  retryUploads(ids: Iterable<number>): void {
    this.uploads.retry(new Set(ids))
  }

  removeUploads(ids: Iterable<number>): void {
    this.uploads.remove(new Set(ids))
  }

  /** again segments images that the hub has. Asked once more for what it got no answer to, it makes nothing twice. */
  async again(images: readonly string[], model: string, options: Wishes): Promise<readonly Job[]> {
    const { phase } = this.current
    const request = JSON.stringify([images, model, options])
    const key = this.unanswered.get(request) ?? randomKey()
    this.unanswered.set(request, key)
    const { accepted } = await this.api.again(images, model, options, key)
    this.unanswered.delete(request)
    if (this.current.phase === phase) this.change({ hub: adopt(this.current.hub, accepted) })
    return accepted
  }

  /** removeImages deletes images with all that was made of them, a few at a time. Those that it fails for are back at its end. */
  async removeImages(images: readonly string[]): Promise<void> {
    const leave = (leaving: ReadonlySet<string>) => this.change({ hub: { ...this.current.hub, leaving } })
    leave(new Set([...this.current.hub.leaving, ...images]))
    const ends = await Promise.allSettled(inTurns(images, async (image) => {
      await this.api.removeImage(image).catch(unlessGone)
      this.change({ hub: without(this.current.hub, image) })
    }))
    leave(new Set([...this.current.hub.leaving].filter((image) => !images.includes(image))))
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }

  /** edit corrects a result, and gives it as it is then. */
  async edit(before: Result, operations: readonly Operation[]): Promise<Result> {
    const edited = await this.api.edit(before.job, before.revision ?? 0, operations)
    const after = corrected(before, edited)
    this.masks.forget(before.job)
    this.keepResult(resultKey(before.job, edited.revision), Promise.resolve(after))
    return after
  }

  /** cancel stops jobs, a few at a time: of some thousand requests at once, a browser drops most. */
  async cancel(jobs: readonly string[]): Promise<void> {
    await Promise.all(inTurns(jobs, (job) => this.api.cancel(job).catch(unlessGone)))
  }

  /** cancelAll stops what waits, what is on its way and what runs; what has left wholly is stopped when it has arrived. */
  async cancelAll(): Promise<void> {
    const arriving = this.uploads.stop()
    await this.api.cancelAll()
    await this.cancel((await arriving).map(({ id }) => id)) // and nothing that was added meanwhile
  }

  /** freshResult is a result as the hub has it now, whatever is known of it here. */
  async freshResult(job: string): Promise<Result> {
    const result = await this.api.result(job)
    this.keepResult(resultKey(job, result.revision ?? 0), Promise.resolve(result))
    return result
  }

  result(job: string, revision = 0): Promise<Result> {
    const key = resultKey(job, revision)
    const known = this.results.get(key)
    if (known) return known
    return this.keepResult(key, this.api.result(job))
  }

  /** back resolves when the hub is there again, or may be. */
  back(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, this.options.againWithin ?? againWithin)
      const { waiting } = this
      waiting.add(done)
      function done() {
        clearTimeout(timer)
        waiting.delete(done)
        resolve()
      }
    })
  }

  /** persist asks until the hub has answered, be it with no, for as long as that is wanted. */
  async persist<T>(ask: () => Promise<T>, wanted: () => boolean): Promise<T> {
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        if (!isPassing(error)) throw error
        await this.back()
        if (!wanted()) throw error
      }
    }
  }

  /** reconnect does not wait for the next try: the network is back, or somebody pressed a button. */
  reconnect(): void {
    this.uploads.wake()
    if (this.current.link.state === 'waiting') this.socket.resume()
  }

  private goLive(session: string): void {
    this.end({ name: 'live' })
    this.session = session
    this.options.keep?.tabs.tell(session)
    this.uploads.belong(session)
    this.socket.start()
    void this.load()
  }

  /**
   * Two tabs that sign in at the same moment start a session each, but have one cookie: of the other session a tab would hear events, and
   * nothing of what it sends.
   */
  private async compare(other: string): Promise<void> {
    const { phase } = this.current
    if (phase.name !== 'live' || other === this.session) return
    const now = await this.api.session().catch(() => null)
    if (!now || this.current.phase !== phase) return
    if (now.id === this.session) this.options.keep?.tabs.tell(now.id)
    else this.goLive(now.id)
  }

  /** Files that another page of this browser left, before they had arrived. */
  private async adoptKept(): Promise<void> {
    const { keep } = this.options
    if (!keep) return
    try {
      this.uploads.adopt(await keep.store.adopt(keep.tabs.own, await keep.tabs.alive()))
    } catch {
      this.change({ unkept: true })
    }
  }

  /**
   * Models, samples and first statistics (the socket's come at the hub's own pace), each until it is there: one that something in the
   * browser keeps away, as blockers do with what is called statistics, is no reason to be without models.
   */
  private async load(): Promise<void> {
    const { phase } = this.current
    const bring = async <T>(ask: () => Promise<T>, take: (came: T) => void) => {
      for (let attempt = 0; this.current.phase === phase; attempt++) {
        try {
          const came = await ask()
          if (this.current.phase === phase) take(came)
          return
        } catch (error) {
          if (error instanceof Failure && error.code === 'unauthorized') return // the socket says so too
          await pause(delay(startBackoff, attempt))
        }
      }
    }
    void bring(() => this.api.samples(), (samples) => this.change({ samples }))
    void bring(() => this.api.stats(), (stats) => {
      const { hub } = this.current
      if (!hub.stats) this.change({ hub: reduce(hub, { type: 'stats', ...stats }) })
    })
    await bring(() => this.api.models(), (models) => this.change({ models }))
    await this.followModels(phase)
  }

  /** Keeps the models as the hub has them for as long as phase lasts. While it does not answer, they stay as they are. */
  private async followModels(phase: Phase): Promise<void> {
    for (;;) {
      await pause(this.options.modelsEvery ?? modelsEvery)
      if (this.current.phase !== phase) return
      const models = await this.api.models().catch(() => this.current.models)
      if (this.current.phase === phase) this.change({ models })
    }
  }

  private hear(frame: Frame): void {
    const before = this.current.hub
    // Another tab may have left the session and started one anew: the cookie is of that.
    if (frame.type === 'welcome' && frame.session.id !== this.session) return this.goLive(frame.session.id)
    const hub = reduce(before, frame)
    // A mask is shown even where its event is a repetition: the picture is the same.
    if (frame.type === 'mask') this.masks.receive(frame)
    if (frame.type === 'edit') this.correct(frame)
    if (frame.type === 'snapshot') {
      this.results.clear() // a hub that has lost corrections gives their numbers to others
      this.forgetRevised(before, hub)
      void this.addOlder(frame)
    }
    // Commands that a person gives go by HTTP, where they are answered; this is our own mistake.
    if (frame.type === 'error') console.error('seghub: the hub refused', frame.re, frame.detail)
    if (hub !== before) this.change({ hub })
    if (hub.lost && !before.lost) this.socket.resume()
    if (frame.type === 'welcome') this.socket.send({ type: 'watch', stats: true } satisfies Command)
    if (hub.session?.state === 'closed') this.end({ name: 'ended', why: 'closed' })
  }

  /** Of what was corrected while nobody told of it, the mask is another too. */
  private forgetRevised(before: HubState, now: HubState): void {
    for (const [id, { revision }] of before.jobs) if (now.jobs.get(id)?.revision !== revision) this.masks.forget(id)
  }

  /** A snapshot has the newest jobs alone, where there are very many. */
  private async addOlder(snapshot: Snapshot): Promise<void> {
    this.snapshot = snapshot
    const counts = Object.values(snapshot.session.jobs)
    if (counts.reduce((sum, count) => sum + count) <= snapshot.jobs.length) return
    const { phase } = this.current
    for (let attempt = 0; ; attempt++) {
      const all = await this.api.jobs().catch(() => null)
      if (this.snapshot !== snapshot || this.current.phase !== phase) return
      if (all) return this.change({ hub: withOlder(this.current.hub, all, snapshot.jobs) })
      await pause(delay(startBackoff, attempt))
    }
  }

  /** What somebody corrected is known here at once, where the result before it is. */
  private correct(frame: Extract<Frame, { type: 'edit' }>): void {
    this.masks.forget(frame.job_id)
    const { revision, changed, removed } = frame
    const before = this.results.get(resultKey(frame.job_id, revision - 1))
    if (changed && removed && before && !this.results.get(resultKey(frame.job_id, frame.revision))) {
      this.keepResult(resultKey(frame.job_id, frame.revision), before.then((result) => corrected(result, { revision, changed, removed })))
    }
  }

  /** A result weighs what it weighs once it has come; one that has not may be asked for again. */
  private keepResult(key: string, asked: Promise<Result>): Promise<Result> {
    this.results.set(key, asked, leastWeight)
    const weigh = ({ objects }: Result) => void (this.results.get(key) === asked && this.results.set(key, asked, Math.max(leastWeight, objects.length)))
    asked.then(weigh, () => this.results.delete(key))
    return asked
  }

  private linked(link: Link): void {
    this.change({ link })
    if (link.state === 'open') {
      for (const done of this.waiting) done()
      this.change({ asking: false, barred: false })
      this.uploads.wake()
    }
    if (link.state === 'waiting' && link.attempt >= socketTries) void this.ask()
    if (link.state !== 'stopped') return
    switch (link.close.name) {
      case 'unauthorized':
        return this.end({ name: 'ended', why: 'unknown' })
      case 'session_closed':
        return this.end({ name: 'ended', why: 'closed' })
      default:
        return this.end({ name: 'ended', why: 'protocol' })
    }
  }

  /** Asks by HTTP for what a socket would tell, for as long as none comes through and the hub answers. */
  private async ask(): Promise<void> {
    const { phase } = this.current
    const wanted = () => this.current.phase === phase && this.current.link.state !== 'open'
    if (this.current.asking || this.asks || phase.name !== 'live') return
    this.asks = true
    try {
      for (let seq = -1; wanted(); await pause(this.options.askEvery ?? askEvery)) {
        const session = await this.api.session()
        if (!wanted()) return
        if (!session) return this.end({ name: 'ended', why: 'unknown' })
        if (session.id !== this.session) return this.goLive(session.id)
        const jobs = session.seq === seq ? null : await this.api.jobs()
        const stats = await this.api.stats().catch(() => null)
        if (!wanted()) return
        if (!this.current.asking) this.uploads.wake()
        const hub = polled(this.current.hub, session, jobs, stats)
        this.forgetRevised(this.current.hub, hub)
        if (jobs) this.snapshot = null // what it left out is known
        this.change({ hub, asking: true, barred: false })
        seq = session.seq
      }
    } catch (error) {
      // The hub does not answer; the socket's next failure asks again.
      if (wanted()) this.change({ barred: error instanceof Failure && error.code === signInOnTheWay })
    } finally {
      this.asks = false
      if (this.current.asking) this.change({ asking: false })
    }
  }

  /** Forgets what belonged to the session before; files that have not arrived are held for the next one. */
  private end(phase: Phase): void {
    this.socket.stop()
    this.uploads.pause()
    this.masks.clear()
    this.results.clear()
    this.change({ phase, barred: false, hub: initialState })
  }

  private change(part: Partial<View>): void {
    this.current = { ...this.current, ...part }
    this.options.onChange(this.current)
  }
}

/** inTurns asks for each, a few at a time: as many lines of them, of which one ends with the first that fails in it, and the others go on. */
function inTurns(all: readonly string[], ask: (one: string) => Promise<unknown>): Promise<void>[] {
  const each = all.values()
  const line = async () => {
    for (const one of each) await ask(one)
  }
  return Array.from({ length: atOnce }, line)
}

/** Another tab was faster. */
function unlessGone(error: unknown): void {
  if (!(error instanceof Failure && error.code === 'not_found')) throw error
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function resultKey(job: string, revision: number): string {
  return `${job} ${revision}`
}

/** corrected is a result with what an edit changed. */
export function corrected(before: Result, { revision, changed, removed }: Pick<Edited, 'revision' | 'changed' | 'removed'>): Result {
  const gone = new Set([...removed, ...changed.map(({ id }) => id)])
  const objects = [...before.objects.filter(({ id }) => !gone.has(id)), ...changed].sort((a, b) => a.id - b.id)
  const total = objects.reduce((sum, { area }) => sum + area, 0)
  const coverage = total / (before.image.width * before.image.height)
  return { ...before, revision, objects, summary: { count: objects.length, total_area: total, coverage } }
}
