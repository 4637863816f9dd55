// Files on their way to the hub. They leave in small requests, one after the other, so that the first ones
// are segmented while the rest still travel, and each knows how it stands. Nothing is given up: while the hub
// is away the files wait, what it has no room for now is sent again, what it refuses stays with the reason. Until
// the hub has them, the browser keeps them.
//
//	held -assign-> waiting -> sending -> (a job of the hub's)
//	                  ^          |   \-> refused: the hub said why
//	                  +----------+       failed:  it failed again and again; may be tried once more
//	              away, or no room

import { Failure, tooLargeOnTheWay, type Api } from './api'
import { delay } from './backoff'
import { randomKey, type Keep, type Kept } from './keep'
import type { Job, Rejection, Wishes } from './protocol'

export interface Settings {
  model: string
  options: Wishes
}

export interface Pending {
  readonly id: number
  readonly file: File
  /** null while it is not known what to do with it. */
  readonly settings: Settings | null
  readonly state: 'held' | 'waiting' | 'sending' | 'refused' | 'failed'
  readonly sent: number // 0..1
  /** Why it was refused or failed, or what it waits for, and the code of that. */
  readonly reason: string
  readonly code: string
  /** Its name in the browser's store, and that of the request that it left with. */
  readonly key: string
  readonly batch: string
  /** The browser has it: a reload does not lose it. */
  readonly kept: boolean
}

/** lostWithPage tells whether files would be lost if the page were left now. */
export function lostWithPage(pending: readonly Pending[]): boolean {
  return pending.some(({ kept, state }) => !kept && state !== 'refused')
}

/** One request: few files, so that the first jobs start early; few bytes, so that a broken line costs little. */
const maxFiles = 8
const maxBytes = 64 << 20

/** The browser can no longer read the file. */
export const unreadable = 'unreadable'
const unreadableWords = 'This file cannot be read: it was moved, changed or unplugged since it was chosen, or its path is too long. Please choose it again.'

/** The hub took nothing, and said that it might later. */
const passing = new Set(['rate_limited', 'queue_full', 'gpu_memory_exhausted', 'draining', 'timeout', 'unavailable'])
const defaultWait = 5_000 // ms, where the hub does not say
const awayBackoff = { base: 1_000, cap: 15_000 }
const storeLimit = 3_000 // ms that a request waits for the browser to store its files
const patience = 3 // failures of the hub's own after which a person is to decide
/**
 * ms in which something of a request must move. Each that did not has the next one wait twice as long: a proxy that takes all of it before
 * it passes it on to a slow hub may need that.
 */
const [leastStill, mostStill] = [60_000, 16 * 60_000]

export interface UploadsOptions {
  api: Pick<Api, 'upload'>
  onChange: (pending: readonly Pending[]) => void
  onAccepted: (jobs: readonly Job[]) => void
  /** Keeps the files through a reload; without one they are kept by this page alone. */
  keep?: Keep
  tab?: string
  /** Called when the browser turns out unable to keep files. */
  onUnkept?: () => void
  wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

export class Uploads {
  private list: readonly Pending[] = []
  private nextID = 1
  private running: Promise<void> | null = null
  private lifetime = new AbortController()
  private request = new AbortController() // ends the one that is on its way
  private rest = new AbortController() // ends the wait for a hub that is away
  private failures = 0 // since something was taken
  private still = leastStill
  private atOnce = maxFiles // in one request; less where a proxy takes less than the hub
  private session = ''
  private readonly stopped = new Map<string, (jobs: readonly Job[]) => void>() // by requests that were on their way, who waits for what they make

  constructor(private readonly options: UploadsOptions) {}

  /** add takes files; without settings they are held until assign. */
  add(files: readonly File[], settings: Settings | null): void {
    const state = settings ? 'waiting' : 'held'
    const together = Date.now().toString(36) // the browser gives files back by their keys: in the order in which they were added
    const added = files.map((file, place): Pending => {
      const key = `${together}-${String(place).padStart(6, '0')}-${randomKey()}`
      return { id: this.nextID++, file, settings, state, sent: 0, reason: '', code: '', key, batch: '', kept: false }
    })
    this.set([...this.list, ...added])
    this.runAndStore(new Set(added.map(({ id }) => id)))
  }

  /** lose tells of files that were chosen and cannot be read. */
  lose(names: readonly string[]): void {
    const lost = names.map((name): Pending => {
      return { id: this.nextID++, file: new File([], name), settings: null, state: 'refused', sent: 0, reason: unreadableWords, code: unreadable, key: randomKey(), batch: '', kept: false }
    })
    if (lost.length > 0) this.set([...this.list, ...lost])
  }

  /** adopt goes on with what another page of this browser left, files of sessions that are over among them. */
  adopt(kept: readonly Kept[]): void {
    const adopted = kept.map((entry): Pending => {
      const goesOn = entry.session === this.session && entry.model !== ''
      const state = entry.refused ? 'refused' : goesOn ? 'waiting' : 'held'
      const settings = goesOn ? { model: entry.model, options: entry.options } : null
      return { id: this.nextID++, file: entry.file, settings, state, sent: 0, reason: entry.refused, code: entry.code ?? '', key: entry.key, batch: goesOn ? entry.batch : '', kept: true }
    })
    this.set([...this.list, ...shareSettings(adopted)])
    this.run()
  }

  /** assign says what to do with the held files that are named. */
  assign(ids: ReadonlySet<number>, settings: Settings): void {
    // What had left when its session ended may have reached the one that goes on: a whole request is known there when it comes again.
    const parted = new Set(this.list.filter(({ id }) => !ids.has(id)).map(({ batch }) => batch))
    this.change((item) => (item.state === 'held' && ids.has(item.id) ? { ...item, settings, state: 'waiting', batch: parted.has(item.batch) ? '' : item.batch } : item))
    this.runAndStore(ids)
  }

  /** belong says whose session it is; files that wait go with it. */
  belong(session: string): void {
    this.session = session
    void this.store(this.list)
    this.wake()
  }

  /** wake tries again at once: there is reason to believe that the hub is back. */
  wake(): void {
    this.rest.abort()
    this.run()
  }

  /** retry sends again what failed or was refused. */
  retry(ids: ReadonlySet<number>): void {
    this.failures = 0
    this.change((item) => {
      if (!ids.has(item.id) || (item.state !== 'failed' && item.state !== 'refused')) return item
      return { ...item, state: item.settings ? 'waiting' : 'held', sent: 0, reason: '', code: '', batch: '' }
    })
    void this.store(this.list.filter(({ id }) => ids.has(id)))
    this.wake()
  }

  /** remove forgets items that are not on their way at this moment. */
  remove(ids: ReadonlySet<number>): void {
    this.forget((item) => ids.has(item.id) && item.state !== 'sending')
  }

  /**
   * stop forgets all that has not left yet, and breaks off what has left in part: the hub makes nothing of that. Of what has left wholly
   * it gives the jobs, when they are known.
   */
  async stop(): Promise<readonly Job[]> {
    const partly = this.list.some(({ state, sent }) => state === 'sending' && sent > 0 && sent < 1)
    if (partly) this.request.abort()
    this.forget(({ state }) => state === 'waiting' || state === 'held' || (state === 'sending' && partly))
    const key = this.list.find(({ state }) => state === 'sending')?.batch
    if (key === undefined) return []
    const before = this.stopped.get(key)
    return new Promise((resolve) => this.stopped.set(key, (jobs) => (before?.(jobs), resolve(jobs))))
  }

  /** clear ends everything: the person has ended the session. */
  clear(): void {
    this.halt()
    this.forget(() => true)
  }

  /** pause ends what is under way and holds all files: the session is over, another may take them. */
  pause(): void {
    this.halt()
    this.session = ''
    this.change((item) => (item.state === 'refused' ? item : { ...item, state: 'held', settings: null, sent: 0, reason: '', code: '' }))
    void this.store(this.list)
  }

  private halt(): void {
    this.lifetime.abort()
    this.lifetime = new AbortController()
  }

  private run(): void {
    if (this.session === '') return
    this.running ??= this.sendAll(this.lifetime.signal).finally(() => {
      this.running = null
      if (this.nextBatch().length > 0) this.run() // added while a cleared run was ending
    })
  }

  /** What leaves at once is stored first, by send: it waits for that, and shall not wait for a thousand files behind it. */
  private runAndStore(ids: ReadonlySet<number>): void {
    this.run()
    void this.store(this.list.filter(({ id, state }) => ids.has(id) && state !== 'sending'))
  }

  private async sendAll(signal: AbortSignal): Promise<void> {
    for (let batch = this.nextBatch(); batch.length > 0 && !signal.aborted; batch = this.nextBatch()) {
      await this.send(batch, signal)
      this.letGo()
    }
  }

  /** The next files that share their settings, or those that left together before and nobody knows whether they arrived. */
  private nextBatch(): Pending[] {
    const batch: Pending[] = []
    let bytes = 0
    for (const item of this.list) {
      if (item.state !== 'waiting') continue
      const first = batch[0]
      if (first && item.batch !== first.batch) {
        if (first.batch) continue
        break
      }
      if (first && !first.batch && (item.settings !== first.settings || batch.length >= this.atOnce || bytes + item.file.size > maxBytes)) break
      batch.push(item)
      bytes += item.file.size
    }
    return batch
  }

  private async send(next: readonly Pending[], signal: AbortSignal): Promise<void> {
    const ids = new Set(next.map((item) => item.id))
    const mark = (change: Partial<Pending>) => this.change((item) => (ids.has(item.id) ? { ...item, ...change } : item))
    const key = next[0]!.batch || randomKey()
    mark({ state: 'sending', sent: 0, reason: '', code: '', batch: key })
    // A reload in the middle sends the same request again, or the hub would take its files twice: so it leaves when the browser
    // has written it down. One whose store hangs sends all the same.
    await Promise.race([this.store(this.list.filter(({ id }) => ids.has(id))), pause(storeLimit, signal)])
    const batch = next.filter(({ id }) => this.list.some((item) => item.id === id && item.state === 'sending'))
    if (signal.aborted || batch.length === 0) return
    const request = (this.request = new AbortController())
    const over = AbortSignal.any([signal, request.signal])
    try {
      const files = batch.map((item) => item.file)
      const answer = await this.options.api.upload({ files, ...batch[0]!.settings!, key, patience: this.still }, (sent) => mark({ sent }), over)
      if (over.aborted) return
      this.failures = 0
      this.still = leastStill
      this.settle(batch, answer.rejected)
      if (batch[0]!.batch && answer.rejected.length === 0) this.askAgain(batch, answer.accepted)
      this.options.onAccepted(answer.accepted)
      this.stopped.get(key)?.(answer.accepted)
    } catch (error) {
      if (over.aborted) return
      const failure = error instanceof Failure ? error : new Failure('internal', 'The upload failed', String(error), 0)
      if (failure.code === tooLargeOnTheWay && this.stopped.has(key)) this.forget(({ id }) => ids.has(id)) // its parts would have names of their own
      else await this.fail(batch, failure, mark, signal)
    }
  }

  /** Whoever waits for the jobs of a request that is no longer on its way hears that there are none. */
  private letGo(): void {
    for (const [key, tell] of this.stopped) {
      if (this.list.some(({ batch, state }) => batch === key && (state === 'sending' || state === 'waiting'))) continue
      this.stopped.delete(key)
      tell([])
    }
  }

  private async fail(
    batch: readonly Pending[],
    failure: Failure,
    mark: (change: Partial<Pending>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (failure.code === 'timeout') this.still = Math.min(2 * this.still, mostStill)
    if (passing.has(failure.code)) {
      mark({ state: 'waiting', reason: failure.title, code: failure.code })
      await (this.options.wait ?? pause)(failure.retryAfter ?? defaultWait, signal)
    } else if (failure.status === 401) {
      mark({ state: 'waiting', reason: failure.title, code: failure.code }) // the session is over: it will be told, and the files held; or a proxy's is
      await this.untilWoken(defaultWait, signal)
    } else if (failure.code === tooLargeOnTheWay && batch.length > 1) {
      this.atOnce = Math.ceil(batch.length / 2)
      mark({ state: 'waiting', batch: '' })
    } else if (failure.rejected.length > 0) {
      this.settle(batch, failure.rejected)
    } else if (failure.status >= 400 && failure.status < 500) {
      mark({ state: 'refused', reason: failure.detail || failure.title, code: failure.code })
      void this.store(this.list.filter(({ state }) => state === 'refused'))
    } else if (isAway(failure) || ++this.failures < patience) {
      mark({ state: 'waiting', reason: failure.title, code: failure.code })
      if (failure.status === 0 && (await this.refuseUnreadable(batch))) return
      await this.untilWoken(delay(awayBackoff, this.failures + 2), signal)
    } else {
      mark({ state: 'failed', reason: failure.detail || failure.title, code: failure.code })
    }
  }

  /**
   * What was moved, unplugged or written to since it was chosen cannot be sent, and the browser says no more of that than of a hub
   * that is away: it is looked for. True when there was some.
   */
  private async refuseUnreadable(items: readonly Pending[]): Promise<boolean> {
    const lost = new Set<number>()
    await Promise.all(items.map(({ id, file }) => file.slice(0, 1).arrayBuffer().catch(() => lost.add(id))))
    this.change((item) => (lost.has(item.id) ? { ...item, state: 'refused', reason: unreadableWords, code: unreadable, kept: false } : item))
    this.unstore(items.filter(({ id }) => lost.has(id)).map(({ key }) => key))
    return lost.size > 0
  }

  private async untilWoken(ms: number, signal: AbortSignal): Promise<void> {
    this.rest = new AbortController()
    await (this.options.wait ?? pause)(ms, AbortSignal.any([signal, this.rest.signal]))
  }

  /** What was rejected stays with its reason; the rest of the batch has become jobs. */
  private settle(batch: readonly Pending[], rejected: readonly Rejection[]): void {
    const reasons = reasonsOf(batch, rejected)
    const ids = new Set(batch.map((item) => item.id))
    const gone = batch.filter(({ id }) => !reasons.has(id)).map(({ key }) => key)
    this.set(
      this.list.flatMap((item): Pending[] => {
        if (!ids.has(item.id)) return [item]
        const why = reasons.get(item.id)
        return why ? [{ ...item, state: 'refused', reason: why.detail, code: why.code }] : []
      }),
    )
    this.unstore(gone)
    void this.store(this.list.filter(({ id }) => reasons.has(id)))
  }

  /** A repeated request is answered with the jobs of the first alone: what made none is sent by itself, to hear why. */
  private askAgain(batch: readonly Pending[], accepted: readonly Job[]): void {
    const made = [...new Map(accepted.map(({ image_id, filename }) => [image_id, filename])).values()]
    const unnamed = batch.filter(({ file }) => {
      const at = made.indexOf(file.name.trim())
      if (at >= 0) made.splice(at, 1)
      return at < 0
    })
    // The hub shows some names otherwise: those of long or odd ones are of the files that are left in made.
    const open = [...unnamed.filter(({ file }) => isOdd(file.name)), ...unnamed.filter(({ file }) => !isOdd(file.name))].slice(made.length)
    if (accepted.length === 0 || open.length === 0 || open.length === batch.length) return
    const items = open.map((item): Pending => ({ ...item, state: 'waiting', sent: 0, batch: '', kept: false }))
    this.set([...this.list, ...items])
    void this.store(items)
  }

  private forget(which: (item: Pending) => boolean): void {
    const gone = this.list.filter(which)
    this.set(this.list.filter((item) => !which(item)))
    this.unstore(gone.map(({ key }) => key))
    this.letGo()
  }

  private change(step: (item: Pending) => Pending): void {
    this.set(this.list.map(step))
  }

  private set(list: readonly Pending[]): void {
    this.list = list
    this.options.onChange(list)
  }

  /** store resolves when the browser has them, or has said that it cannot. What another tab has taken over is left to it. */
  private async store(items: readonly Pending[]): Promise<void> {
    const { keep, tab = '', onUnkept } = this.options
    if (!keep || items.length === 0) return
    const entries = items.map(({ key, file, settings, batch, state, reason, code }): Kept => ({
      key, owner: tab, session: this.session, file, batch,
      model: settings?.model ?? '', options: { ...settings?.options },
      refused: state === 'refused' ? reason : '', code,
    }))
    const keys = new Set(entries.map(({ key }) => key))
    let taken: ReadonlySet<string>
    try {
      taken = await keep.put(entries, new Set(items.filter(({ kept }) => kept).map(({ key }) => key)))
    } catch {
      if (await this.refuseUnreadable(items)) return this.store(this.list.filter(({ key, code }) => keys.has(key) && code !== unreadable))
      return onUnkept?.()
    }
    if (taken.size > 0) this.set(this.list.filter(({ key }) => !taken.has(key)))
    if (this.list.some(({ key, kept }) => !kept && keys.has(key))) this.change((item) => (keys.has(item.key) ? { ...item, kept: true } : item))
  }

  private unstore(keys: readonly string[]): void {
    if (keys.length > 0) this.options.keep?.remove(keys).catch(() => undefined)
  }
}

/** Files of the same settings travel together, as they did before. */
function shareSettings(items: readonly Pending[]): Pending[] {
  const known = new Map<string, Settings>()
  return items.map((item) => {
    if (!item.settings) return item
    const name = JSON.stringify(item.settings)
    known.set(name, known.get(name) ?? item.settings)
    return { ...item, settings: known.get(name)! }
  })
}

/** Whether the hub may show a name otherwise. */
function isOdd(name: string): boolean {
  return name.length > 255 || /[\p{C}\\/"%]/u.test(name)
}

/** No answer, or that of a proxy whose hub does not answer. */
function isAway({ status }: Failure): boolean {
  return status === 0 || status === 502 || status === 504
}

/** A hub that does not number its rejections names the files; where it shows a name otherwise, the next one is meant. */
function reasonsOf(batch: readonly Pending[], rejected: readonly Rejection[]): Map<number, Rejection> {
  const reasons = new Map<number, Rejection>()
  for (const rejection of rejected) {
    const { index, filename } = rejection
    const open = batch.filter((item) => !reasons.has(item.id))
    const item = index === undefined ? (open.find(({ file }) => file.name === filename) ?? open[0]) : batch[index]
    if (item) reasons.set(item.id, rejection)
  }
  return reasons
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done) // the signal lives longer
      resolve()
    }
  })
}
