// Files on their way to the hub. They leave in small requests, one after the other, so that the first ones
// are segmented while the rest still travel, and each knows how it stands. Nothing is given up silently: what
// the hub has no room for now is sent again, what it refuses stays with the reason.
//
//	waiting -> sending -> (a job of the hub's)
//	   ^          |   \-> refused: the hub said why
//	   +----------+       failed:  the hub could not be reached; may be tried again
//	  no room now

import { Failure, type Api } from './api'
import type { Job, Options, Rejection } from './protocol'

export interface Settings {
  model: string
  options: Partial<Options>
}

export interface Pending {
  readonly id: number
  readonly file: File
  readonly settings: Settings
  readonly state: 'waiting' | 'sending' | 'refused' | 'failed'
  readonly sent: number // 0..1
  /** Why it was refused or failed, or what it waits for. */
  readonly reason: string
}

/** One request: few files, so that the first jobs start early; few bytes, so that a broken line costs little. */
const maxFiles = 8
const maxBytes = 64 << 20

/** The hub took nothing, and said that it might later. */
const passing = new Set(['rate_limited', 'queue_full', 'gpu_memory_exhausted', 'draining', 'timeout', 'unavailable'])
const defaultWait = 5_000 // ms, where the hub does not say

export interface UploadsOptions {
  api: Pick<Api, 'upload'>
  onChange: (pending: readonly Pending[]) => void
  onAccepted: (jobs: readonly Job[]) => void
  wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

export class Uploads {
  private list: readonly Pending[] = []
  private nextID = 1
  private running: Promise<void> | null = null
  private lifetime = new AbortController()

  constructor(private readonly options: UploadsOptions) {}

  add(files: readonly File[], settings: Settings): void {
    const added = files.map((file): Pending => ({ id: this.nextID++, file, settings, state: 'waiting', sent: 0, reason: '' }))
    this.set([...this.list, ...added])
    this.run()
  }

  /** retry sends again what failed. */
  retry(id: number): void {
    this.change((item) => (item.id === id && item.state === 'failed' ? { ...item, state: 'waiting', sent: 0, reason: '' } : item))
    this.run()
  }

  /** remove forgets an item that is not on its way at this moment. */
  remove(id: number): void {
    this.set(this.list.filter((item) => item.id !== id || item.state === 'sending'))
  }

  /** removeWaiting forgets all that has not left yet. */
  removeWaiting(): void {
    this.set(this.list.filter((item) => item.state !== 'waiting'))
  }

  /** clear ends everything: the session is over. */
  clear(): void {
    this.lifetime.abort()
    this.lifetime = new AbortController()
    this.set([])
  }

  /** settled resolves when nothing is on its way any more. */
  async settled(): Promise<void> {
    while (this.running) await this.running
  }

  private run(): void {
    this.running ??= this.sendAll(this.lifetime.signal).finally(() => {
      this.running = null
      if (this.nextBatch().length > 0) this.run() // added while a cleared run was ending
    })
  }

  private async sendAll(signal: AbortSignal): Promise<void> {
    for (let batch = this.nextBatch(); batch.length > 0 && !signal.aborted; batch = this.nextBatch()) {
      await this.send(batch, signal)
    }
  }

  /** The next files that share their settings. */
  private nextBatch(): Pending[] {
    const batch: Pending[] = []
    let bytes = 0
    for (const item of this.list) {
      if (item.state !== 'waiting') continue
      const first = batch[0]
      if (first && (item.settings !== first.settings || batch.length === maxFiles || bytes + item.file.size > maxBytes)) break
      batch.push(item)
      bytes += item.file.size
    }
    return batch
  }

  private async send(batch: readonly Pending[], signal: AbortSignal): Promise<void> {
    const ids = new Set(batch.map((item) => item.id))
    const mark = (change: Partial<Pending>) => this.change((item) => (ids.has(item.id) ? { ...item, ...change } : item))
    mark({ state: 'sending', sent: 0, reason: '' })
    try {
      const files = batch.map((item) => item.file)
      const answer = await this.options.api.upload({ files, ...batch[0]!.settings }, (sent) => mark({ sent }), signal)
      if (signal.aborted) return
      this.settle(batch, answer.accepted, answer.rejected)
      this.options.onAccepted(answer.accepted)
    } catch (error) {
      if (signal.aborted) return
      await this.fail(batch, error, mark, signal)
    }
  }

  private async fail(
    batch: readonly Pending[],
    error: unknown,
    mark: (change: Partial<Pending>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const failure = error instanceof Failure ? error : new Failure('internal', 'The upload failed', String(error), 0)
    if (passing.has(failure.code)) {
      mark({ state: 'waiting', reason: `${failure.title}: trying again soon.` })
      await (this.options.wait ?? pause)(failure.retryAfter ?? defaultWait, signal)
    } else if (failure.rejected.length > 0) {
      this.settle(batch, [], failure.rejected)
    } else if (failure.status >= 400 && failure.status < 500) {
      mark({ state: 'refused', reason: failure.detail || failure.title })
    } else {
      mark({ state: 'failed', reason: failure.detail || failure.title })
    }
  }

  /** What was rejected stays with its reason; the rest of the batch has become jobs. */
  private settle(batch: readonly Pending[], accepted: readonly Job[], rejected: readonly Rejection[]): void {
    const reasons = matchRejections(batch, new Set(accepted.map((job) => job.filename)), rejected)
    const ids = new Set(batch.map((item) => item.id))
    this.set(
      this.list.flatMap((item): Pending[] => {
        if (!ids.has(item.id)) return [item]
        const reason = reasons.get(item.id)
        return reason === undefined ? [] : [{ ...item, state: 'refused', reason }]
      }),
    )
  }

  private change(step: (item: Pending) => Pending): void {
    this.set(this.list.map(step))
  }

  private set(list: readonly Pending[]): void {
    this.list = list
    this.options.onChange(list)
  }
}

/** The hub names files by what its cleaning left of their names; where a name was changed, what was not taken is meant. */
function matchRejections(batch: readonly Pending[], accepted: ReadonlySet<string>, rejected: readonly Rejection[]): Map<number, string> {
  const reasons = new Map<number, string>()
  for (const rejection of rejected) {
    const open = batch.filter((item) => !reasons.has(item.id))
    const item = open.find(({ file }) => file.name === rejection.filename) ?? open.find(({ file }) => !accepted.has(file.name))
    if (item) reasons.set(item.id, rejection.detail)
  }
  return reasons
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    function done() {
      clearTimeout(timer)
      resolve()
    }
  })
}
