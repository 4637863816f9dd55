import { afterEach, expect, it, vi } from 'vitest'
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
