// A person's side of the hub: session, connection, state, uploads and masks in one object that a page can
// show. It knows nothing of pages.
//
//	starting -> signed_out -signIn-> live -> ended (closed, expired) -startAgain-> live | signed_out
//	    \------------------------->---^

import { Api, Failure } from './api'
import { delay } from './backoff'
import { LRU } from './lru'
import { Masks } from './masks'
import type { Command, Frame, Model, Result, Sample } from './protocol'
import { LiveSocket, type Link, type SocketOptions } from './socket'
import { adopt, initialState, reduce, type HubState } from './state'
import { Uploads, type Pending, type Settings } from './uploads'

export type Phase =
  | { name: 'starting'; trouble: string }
  | { name: 'signed_out' }
  | { name: 'live' }
  /** The session is over; why is a sentence. */
  | { name: 'ended'; why: string }

/** Everything that a page shows; replaced, never changed. */
export interface View {
  readonly phase: Phase
  readonly link: Link
  readonly hub: HubState
  readonly pending: readonly Pending[]
  readonly models: readonly Model[]
  readonly samples: readonly Sample[]
}

export interface ClientOptions {
  api: Api
  socket: Pick<SocketOptions, 'url' | 'WebSocket' | 'random' | 'reconnect' | 'patient' | 'pingEvery'>
  onChange: (view: View) => void
  modelsEvery?: number // ms
}

const keptResults = 200
/** How often the models are asked for. They come, are replaced and go at any time, and the socket does not tell of it. */
const modelsEvery = 10_000 // ms
const startBackoff = { base: 1_000, cap: 10_000 }
const unused = 'The session was closed: it was ended elsewhere, or not used for a long time. Its images and results are deleted.'
const unknown = 'The hub no longer knows this session. It may have been started anew, without its old queue.'

export class Client {
  readonly masks: Masks
  private readonly api: Api
  private readonly socket: LiveSocket
  private readonly uploads: Uploads
  private readonly results = new LRU<string, Promise<Result>>(keptResults)
  private current: View = {
    phase: { name: 'starting', trouble: '' },
    link: { state: 'idle' },
    hub: initialState,
    pending: [],
    models: [],
    samples: [],
  }

  constructor(private readonly options: ClientOptions) {
    this.api = options.api
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
        if (session) this.goLive()
        else this.change({ phase: { name: 'signed_out' } })
        return
      } catch (error) {
        this.change({ phase: { name: 'starting', trouble: wordsOf(error) } })
        await pause(delay(startBackoff, attempt))
      }
    }
  }

  /** signIn starts a session; it fails with a Failure of code access_key_required where a key is missing or wrong. */
  async signIn(name: string, accessKey: string): Promise<void> {
    await this.api.createSession(name, accessKey)
    this.goLive()
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
    this.end({ name: 'signed_out' })
  }

  /** startAgain leaves an ended session behind. Another tab may have started a new one. */
  async startAgain(): Promise<void> {
    this.change({ phase: { name: 'starting', trouble: '' } })
    await this.start()
  }

  upload(files: readonly File[], settings: Settings): void {
    this.uploads.add(files, settings)
  }

  async uploadSample(sample: Sample, settings: Settings): Promise<void> {
    this.uploads.add([await this.api.sampleFile(sample)], settings)
  }

  retryUpload(id: number): void {
    this.uploads.retry(id)
  }

  removeUpload(id: number): void {
    this.uploads.remove(id)
  }

  async cancel(job: string): Promise<void> {
    await this.api.cancel(job)
  }

  /** cancelAll stops what waits and what runs, and what is still on its way when it has arrived. */
  async cancelAll(): Promise<void> {
    this.uploads.removeWaiting()
    await this.api.cancelAll()
    if (!this.current.pending.some(({ state }) => state === 'sending')) return
    await this.uploads.settled()
    await this.api.cancelAll()
  }

  result(job: string): Promise<Result> {
    const known = this.results.get(job)
    if (known) return known
    const asked = this.api.result(job)
    this.results.set(job, asked)
    asked.catch(() => this.results.delete(job)) // may be asked for again
    return asked
  }

  /** reconnect does not wait for the next try: the network is back, or somebody pressed a button. */
  reconnect(): void {
    if (this.current.link.state === 'waiting') this.socket.resume()
  }

  private goLive(): void {
    this.end({ name: 'live' })
    this.socket.start()
    void this.load()
  }

  /** Models, samples and first statistics (the socket's come at the hub's own pace), until all are there. */
  private async load(): Promise<void> {
    const { phase } = this.current
    for (let attempt = 0; this.current.phase === phase; attempt++) {
      try {
        const [models, samples, stats] = await Promise.all([this.api.models(), this.api.samples(), this.api.stats()])
        const { hub } = this.current
        this.change({ models, samples, hub: hub.stats ? hub : reduce(hub, { type: 'stats', ...stats }) })
        return await this.followModels(phase)
      } catch (error) {
        if (error instanceof Failure && error.code === 'unauthorized') return // the socket says so too
        await pause(delay(startBackoff, attempt))
      }
    }
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
    const hub = reduce(before, frame)
    // A mask is shown even where its event is a repetition: the picture is the same.
    if (frame.type === 'mask') this.masks.receive(frame)
    // Commands that a person gives go by HTTP, where they are answered; this is our own mistake.
    if (frame.type === 'error') console.error('seghub: the hub refused', frame.re, frame.detail)
    if (hub !== before) this.change({ hub })
    if (hub.lost && !before.lost) this.socket.resume()
    if (frame.type === 'welcome') this.socket.send({ type: 'watch', stats: true } satisfies Command)
    if (hub.session?.state === 'closed') this.end({ name: 'ended', why: unused })
  }

  private linked(link: Link): void {
    this.change({ link })
    if (link.state !== 'stopped') return
    switch (link.close.name) {
      case 'unauthorized':
        return this.end({ name: 'ended', why: unknown })
      case 'session_closed':
        return this.end({ name: 'ended', why: unused })
      default:
        return this.end({ name: 'ended', why: `${link.close.reason} Reloading the page may help.` })
    }
  }

  /** Forgets what belonged to the session before. */
  private end(phase: Phase): void {
    this.socket.stop()
    this.uploads.clear()
    this.masks.clear()
    this.results.clear()
    this.change({ phase, hub: initialState })
  }

  private change(part: Partial<View>): void {
    this.current = { ...this.current, ...part }
    this.options.onChange(this.current)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function wordsOf(error: unknown): string {
  return error instanceof Failure ? error.detail || error.title : String(error)
}
