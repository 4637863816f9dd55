// Files that have not reached the hub yet, kept by the browser through reloads and closed lids. Where it
// cannot keep them (a private window, a full disk), the caller hears so and warns the person.
//
// Several tabs share one store. Each entry has an owner, a tab that is alive; what a closed tab left is taken over by the
// next one that looks, and by one only. A tab that sleeps or is busy is taken for a closed one: it hears so when it stores its
// files the next time. Hubs under several paths of one proxy are one site to the browser: each has a store and tabs of its own.

import type { Wishes } from './protocol'

export interface Kept {
  key: string // of this file, unlike any other
  owner: string // tab
  session: string // '' while there is none
  file: File
  model: string // '' until there are models to choose from
  options: Wishes
  batch: string // the request that it left with; '' before
  refused: string // why the hub did not take it; '' while it waits
  code?: string // of that reason
}

export interface Keep {
  /**
   * put fails where the browser cannot keep the file. Of entries that another tab has taken over it gives the keys, and leaves them
   * alone; of those that are stored already it knows so when they are gone.
   */
  put(entries: readonly Kept[], stored: ReadonlySet<string>): Promise<ReadonlySet<string>>
  remove(keys: readonly string[]): Promise<void>
  /** adopt gives what no living tab owns, and makes it the caller's. */
  adopt(owner: string, alive: ReadonlySet<string>): Promise<Kept[]>
}

const store = 'uploads'

/** The store of the hub at a mount, in the browser's IndexedDB. */
export class BrowserKeep implements Keep {
  private opened: Promise<IDBDatabase> | null = null

  constructor(private readonly mount: string) {}

  async put(entries: readonly Kept[], stored: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const taken = new Set<string>()
    await this.change((files) => {
      for (const entry of entries) {
        const there = files.get(entry.key) as IDBRequest<Kept | undefined>
        there.onsuccess = () => {
          const owner = there.result ? there.result.owner : stored.has(entry.key) ? null : entry.owner
          if (owner === entry.owner) files.put(entry)
          else taken.add(entry.key)
        }
      }
    })
    return taken
  }

  async remove(keys: readonly string[]): Promise<void> {
    await this.change((files) => keys.forEach((key) => files.delete(key)))
  }

  async adopt(owner: string, alive: ReadonlySet<string>): Promise<Kept[]> {
    let found: Kept[] = []
    await this.change((files) => {
      const all = files.getAll() as IDBRequest<Kept[]>
      all.onsuccess = () => {
        found = all.result.filter((entry) => !alive.has(entry.owner)).map((entry) => ({ ...entry, owner }))
        for (const entry of found) files.put(entry)
      }
    })
    return found
  }

  /** One transaction: all of step, or nothing. */
  private async change(step: (files: IDBObjectStore) => void): Promise<void> {
    const base = await (this.opened ??= open(`seghub${this.mount}`, () => (this.opened = null)))
    await new Promise<void>((resolve, reject) => {
      const transaction = base.transaction(store, 'readwrite')
      transaction.oncomplete = () => resolve()
      transaction.onabort = transaction.onerror = () => reject(transaction.error ?? new Error('the browser keeps no files'))
      step(transaction.objectStore(store))
    })
  }
}

/** A phone closes a database while its page sleeps, and so does who clears a site's data: gone says that it is to be opened anew. */
function open(database: string, gone: () => void): Promise<IDBDatabase> {
  const opened = new Promise<IDBDatabase>((resolve, reject) => {
    const asked = indexedDB.open(database, 1)
    asked.onupgradeneeded = () => asked.result.createObjectStore(store, { keyPath: 'key' })
    asked.onsuccess = () => {
      asked.result.onclose = gone
      resolve(asked.result)
    }
    asked.onerror = () => reject(asked.error ?? new Error('the browser has no database'))
  })
  opened.catch(gone)
  return opened
}

const patience = 250 // ms in which a living tab answers

/** Which tabs with the hub at a mount are alive: each answers when another asks. And in which session each is. */
export class Tabs {
  readonly own = randomKey()
  /** Called with the session that another tab is in. */
  heard: (session: string) => void = () => undefined
  private readonly channel: BroadcastChannel | null
  private readonly others = new Set<string>()

  constructor(mount: string) {
    this.channel = channel(`seghub.tabs${mount}`)
    if (!this.channel) return
    this.channel.onmessage = ({ data }: MessageEvent<{ here?: string; ask?: boolean; session?: string }>) => {
      if (data.here) this.others.add(data.here)
      if (data.ask) this.channel?.postMessage({ here: this.own })
      if (data.session) this.heard(data.session)
    }
  }

  /** tell says to the others which session this one is in. */
  tell(session: string): void {
    this.channel?.postMessage({ session })
  }

  /** alive are the tabs that answer now, this one among them. */
  async alive(): Promise<Set<string>> {
    this.others.clear()
    this.channel?.postMessage({ ask: true })
    await new Promise((resolve) => setTimeout(resolve, patience))
    return new Set([...this.others, this.own])
  }
}

/** Where the browser keeps nothing of this page, tabs may not speak with each other either; null then. */
function channel(name: string): BroadcastChannel | null {
  try {
    return new BroadcastChannel(name)
  } catch {
    return null
  }
}

/** randomKey is unlike any other; crypto.randomUUID is not there without TLS. */
export function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('')
}
