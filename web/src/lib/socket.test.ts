import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeHub, binary } from '../../test/fakehub'
import { Person } from '../../test/person'
import { until } from '../../test/until'
import type { Frame } from './protocol'
import { LiveSocket, socketURL, type Link, type SocketOptions } from './socket'

let hub: FakeHub
let person: Person
let since: number | null
let frames: Frame[]
let links: Link[]
let standing: LiveSocket | undefined

beforeEach(async () => {
  hub = await FakeHub.open()
  person = new Person(hub)
  await person.api.createSession('Ada', '')
  since = null
  frames = []
  links = []
})

afterEach(async () => {
  standing?.stop()
  await hub.close()
})

function start(options: Partial<SocketOptions> = {}): LiveSocket {
  const socket = new LiveSocket({
    url: hub.socketURL,
    WebSocket: person.WebSocket,
    since: () => since,
    onFrame: (frame) => frames.push(frame),
    onLink: (link) => links.push(link),
    reconnect: { base: 1, cap: 2 },
    patient: { base: 50, cap: 50 },
    ...options,
  })
  standing = socket
  socket.start()
  return socket
}

const types = () => frames.map(({ type }) => type)
const state = () => links.at(-1)?.state
const opened = (times: number) => until(`connection ${times}`, () => links.filter(({ state }) => state === 'open').length >= times && types().filter((type) => type === 'welcome').length >= times)

it('goes from connecting to open, and hears welcome and snapshot', async () => {
  start()
  await until('the snapshot', () => types().includes('snapshot'))
  expect(links.map(({ state }) => state)).toEqual(['connecting', 'open'])
  expect(types()).toEqual(['welcome', 'snapshot'])
})

it('speaks the subprotocol and authorises by cookie, never by the address', async () => {
  start()
  await opened(1)
  expect(person.dialled).toEqual([hub.socketURL])
})

describe('when the line breaks', () => {
  it('comes back with the seq that was seen last', async () => {
    start()
    await opened(1)
    since = 5
    hub.drop()
    await opened(2)
    expect(person.dialled.at(-1)).toBe(`${hub.socketURL}?since=5&epoch=one`)
  })

  it('comes back with the epoch that was told last', async () => {
    start()
    await opened(1)
    since = 0
    hub.epoch = 'two'
    hub.drop()
    await opened(2)
    await until('word of the gap', () => frames.some((frame) => frame.type === 'welcome' && frame.gap))
    hub.drop()
    await opened(3)
    expect(person.dialled.at(-1)).toBe(`${hub.socketURL}?since=0&epoch=two`)
  })

  it('tries again and again until the hub is there, waiting longer each time', async () => {
    hub.turnAway = 1001
    const ceilings: number[] = []
    start({ reconnect: { base: 1, cap: 1_000 }, random: () => 1 })
    await until('some tries', () => links.filter(({ state }) => state === 'waiting').length >= 5)
    for (const link of links) if (link.state === 'waiting') ceilings.push(link.retryInMs)
    expect(ceilings.slice(0, 5)).toEqual([1, 2, 4, 8, 16])
    hub.turnAway = null
    await opened(1)
  })

  it('begins with a short wait again once it was welcome', async () => {
    start({ random: () => 1 })
    await opened(1)
    for (const times of [2, 3, 4]) {
      hub.drop()
      await opened(times)
    }
    for (const link of links) if (link.state === 'waiting') expect(link.retryInMs).toBe(1)
  })
})

describe('a close code', () => {
  it.each([
    [1000, 'bye'],
    [4401, 'unauthorized'],
    [4404, 'session_closed'],
    [4409, 'protocol_error'],
  ])('%i stops for good', async (code, name) => {
    start()
    await opened(1)
    hub.drop(code)
    await until('the stop', () => state() === 'stopped')
    expect(links.at(-1)).toMatchObject({ close: { code, name } })
    expect(person.dialled).toHaveLength(1)
  })

  it.each([1001, 1011, 4408])('%i reconnects', async (code) => {
    start()
    await opened(1)
    hub.drop(code)
    await opened(2)
  })

  it('4429 waits longer', async () => {
    start({ random: () => 1 })
    await opened(1)
    hub.drop(4429)
    await until('the wait', () => state() === 'waiting')
    expect(links.at(-1)).toMatchObject({ retryInMs: 50 })
    await opened(2)
  })
})

it('gives a draining hub the time that it asks for', async () => {
  start({ random: () => 0 })
  await opened(1)
  hub.say({ type: 'draining', reconnect_after_ms: 60_000 })
  await until('the word', () => types().includes('draining'))
  hub.drop(1001)
  await until('the wait', () => state() === 'waiting')
  const link = links.at(-1)
  expect(link?.state === 'waiting' && link.retryInMs).toBeGreaterThan(30_000) // it asked a while ago, on a busy machine
})

it('waits no longer for a draining hub where the clock is put back', async () => {
  start({ random: () => 0 })
  await opened(1)
  hub.say({ type: 'draining', reconnect_after_ms: 60_000 })
  await until('the word', () => types().includes('draining'))
  const now = Date.now()
  const clock = vi.spyOn(Date, 'now').mockReturnValue(now - 3_600_000)
  hub.drop(1001)
  await until('the wait', () => state() === 'waiting')
  clock.mockRestore()
  const link = links.at(-1)
  expect(link?.state === 'waiting' && link.retryInMs).toBeLessThanOrEqual(60_000)
})

it('takes a silent line for dead', async () => {
  start({ pingEvery: 15 })
  await opened(1)
  await until('a ping', () => hub.heard.some((command) => (command as { type: string }).type === 'ping'))
  await until('a pong', () => types().includes('pong'))
  for (const peer of hub.member.sockets) peer.pause() // neither reads nor closes: as when a cable is pulled
  await opened(2)
})

describe('on a clock of its own', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  /** A line on which the snapshot takes its time, and then every ping is answered until it is cut. */
  const line = (snapshotTakes: number, cut: number) =>
    class extends EventTarget {
      onopen?: () => void
      onmessage?: (event: { data: string }) => void
      onclose?: () => void
      constructor() {
        super()
        setTimeout(() => this.onopen?.())
        setTimeout(() => this.say({ type: 'welcome', session: {}, seq: 0, epoch: 'one', resumed: false, gap: false }))
        setTimeout(() => this.say({ type: 'snapshot', session: {}, jobs: [], seq: 0, epoch: 'one' }), snapshotTakes)
      }
      say(frame: object) {
        if (Date.now() < cut) this.onmessage?.({ data: JSON.stringify(frame) })
      }
      send() {
        if (types().includes('snapshot')) this.say({ type: 'pong' })
      }
      close() {
        delete this.onmessage
      }
    } as unknown as NonNullable<SocketOptions['WebSocket']>

  it('is not open on a line that something on its way has opened and lets nothing through', async () => {
    start({ WebSocket: line(Infinity, 0), random: () => 0 })
    await vi.advanceTimersByTimeAsync(61_000)
    expect(new Set(links.map(({ state }) => state))).toEqual(new Set(['connecting', 'waiting']))
    expect(links.filter(({ state }) => state === 'waiting')).toHaveLength(6)
  })

  it('waits on a slow line until a large frame has come through', async () => {
    start({ WebSocket: line(20_000, Infinity) })
    await vi.advanceTimersByTimeAsync(120_000)
    expect(types().filter((type) => type !== 'pong').at(-1)).toBe('snapshot')
    expect(state()).toBe('open')
  })

  it('knows a dead line soon, however slow it was once', async () => {
    const cut = Date.now() + 120_000
    start({ WebSocket: line(20_000, cut), reconnect: { base: 100_000, cap: 100_000 }, random: () => 0 })
    await vi.advanceTimersByTimeAsync(120_000)
    expect(state()).toBe('open')
    links = []
    await vi.advanceTimersByTimeAsync(5_000)
    expect(links[0]?.state).toBe('waiting')
  })
})

it.each<[string, string | Buffer]>([
  ['a text frame', '{"type":'],
  ['a binary frame', binary({ type: 'mask' }, new Uint8Array())],
])('drops a connection that says nonsense in %s, and resumes', async (_, nonsense) => {
  start()
  await opened(1)
  const complaint = vi.spyOn(console, 'error').mockReturnValue()
  hub.say(nonsense)
  await opened(2)
  expect(complaint).toHaveBeenCalledOnce()
  complaint.mockRestore()
})

it('passes over frames of a newer hub', async () => {
  start()
  await opened(1)
  hub.say({ type: 'weather' })
  hub.progress('j', 'infer', 5)
  await until('what follows', () => types().includes('progress'))
  expect(types()).not.toContain('weather')
  expect(state()).toBe('open')
})

it('does not listen to a socket that it has left', async () => {
  const socket = start()
  await opened(1)
  socket.stop()
  const heard = frames.length
  hub.say({ type: 'pong' })
  socket.start()
  await opened(2)
  expect(types().slice(heard)).not.toContain('pong')
})

it('sends only while it is open', async () => {
  const socket = start()
  expect(socket.send({ type: 'watch', stats: true })).toBe(false)
  await opened(1)
  expect(socket.send({ type: 'watch', stats: true })).toBe(true)
  await until('the answer', () => types().includes('stats'))
})

it('reconnects at once when asked', async () => {
  const socket = start({ reconnect: { base: 100_000, cap: 100_000 }, random: () => 1 })
  await opened(1)
  hub.drop()
  await until('the wait', () => state() === 'waiting')
  socket.resume()
  await opened(2)
})

it.each([
  [{ protocol: 'http:', host: 'lab:8080' }, '', 'ws://lab:8080/api/v1/ws'],
  [{ protocol: 'https:', host: 'lab.example' }, '/some/hub', 'wss://lab.example/some/hub/api/v1/ws'],
])('finds the socket of %j under %j', (page, mount, url) => expect(socketURL(page, mount)).toBe(url))
