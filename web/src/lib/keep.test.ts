import { afterEach, describe, expect, it, vi } from 'vitest'
import { BrowserKeep, Tabs } from './keep'

afterEach(() => vi.unstubAllGlobals())

it('keeps files of hubs under several paths of a proxy apart', async () => {
  const names: string[] = []
  const open = (name: string) => {
    names.push(name)
    throw new Error('no database here')
  }
  vi.stubGlobal('indexedDB', { open })
  for (const mount of ['', '/a', '/b']) await expect(new BrowserKeep(mount).remove(['key'])).rejects.toThrow('no database here')
  expect(names).toEqual(['seghub', 'seghub/a', 'seghub/b'])
})

it('takes tabs with the hub of another path for no tabs of its own', async () => {
  const channels: string[] = []
  class Channel {
    constructor(name: string) {
      channels.push(name)
    }
  }
  vi.stubGlobal('BroadcastChannel', Channel)
  for (const mount of ['', '/a', '/b']) new Tabs(mount)
  expect(new Set(channels).size).toBe(3)
})

it('is alone where the browser lets tabs not speak with each other, as where it keeps no cookies', async () => {
  vi.stubGlobal('BroadcastChannel', class {
    constructor() {
      throw new DOMException('The operation is insecure.', 'SecurityError')
    }
  })
  const tabs = new Tabs('')
  expect([...(await tabs.alive())]).toEqual([tabs.own])
})

it('hears which session another tab is in', () => {
  const channels = new Set<Channel>()
  class Channel {
    onmessage?: (event: { data: unknown }) => void
    constructor() {
      channels.add(this)
    }
    postMessage(data: unknown) {
      for (const channel of channels) if (channel !== this) channel.onmessage?.({ data })
    }
  }
  vi.stubGlobal('BroadcastChannel', Channel)
  const [here, there] = [new Tabs(''), new Tabs('')]
  here.heard = vi.fn()
  there.tell('s1')
  expect(here.heard).toHaveBeenCalledExactlyOnceWith('s1')
})

describe('a browser that closes its database', () => {
  /** One whose connections the test can cut, as a phone does with those of a page in its pocket, and the clearing of a site's data. */
  class Base {
    onclose?: () => void
    cut = false
    removed: string[] = []
    transaction() {
      if (this.cut) throw new DOMException('The database connection is closing.', 'InvalidStateError')
      const transaction = { oncomplete: () => undefined, objectStore: () => ({ delete: (key: string) => this.removed.push(key) }) }
      queueMicrotask(() => transaction.oncomplete())
      return transaction
    }
  }
  function browser(...answers: (Base | Error)[]) {
    const open = vi.fn(() => {
      const answer = answers.shift()!
      const asked: { result?: Base; error?: Error; onsuccess?: () => void; onerror?: () => void } = answer instanceof Error ? { error: answer } : { result: answer }
      queueMicrotask(() => (asked.error ? asked.onerror : asked.onsuccess)?.())
      return asked
    })
    vi.stubGlobal('indexedDB', { open })
  }

  it('is asked anew', async () => {
    const [first, second] = [new Base(), new Base()]
    browser(first, second)
    const keep = new BrowserKeep('')
    await keep.remove(['a'])
    first.cut = true
    first.onclose?.()
    await keep.remove(['b'])
    expect([first.removed, second.removed]).toEqual([['a'], ['b']])
  })

  it('is asked anew where it could not open it', async () => {
    const base = new Base()
    browser(new Error('not now'), base)
    const keep = new BrowserKeep('')
    await expect(keep.remove(['a'])).rejects.toThrow('not now')
    await keep.remove(['a'])
    expect(base.removed).toEqual(['a'])
  })
})
