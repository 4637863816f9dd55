// One live connection to the hub that outlasts its sockets: it reconnects with the seq that was seen last,
// so that nothing is missed, and says at each moment how it stands.
//
//	idle -start-> connecting -welcome-> open
//	                ^   |                | closed, or silent for too long
//	                |   v                v
//	              waiting <------- by the close code's row: reconnect, wait | stop -> stopped

import { delay, type Backoff } from './backoff'
import { closeOf, type Close } from './closecodes'
import { parseFrame } from './frames'
import { apiPath, subprotocol, type Command, type Frame } from './protocol'

export type Link =
  | { state: 'idle' }
  | { state: 'connecting'; attempt: number }
  | { state: 'open' }
  | { state: 'waiting'; attempt: number; retryInMs: number; close: Close }
  | { state: 'stopped'; close: Close }

export interface SocketOptions {
  url: string
  /** The newest event that was applied; null asks for a snapshot. */
  since: () => number | null
  onFrame: (frame: Frame) => void
  onLink: (link: Link) => void
  WebSocket?: new (url: string, protocols: string) => WebSocket
  random?: () => number
  reconnect?: Backoff
  /** After a close code that asks for patience. */
  patient?: Backoff
  /** A ping goes out this often, in ms; a connection without a word for twice as long is dead, unless the line is slow. */
  pingEvery?: number
  /** ms until the hub must have bid welcome. */
  connectWithin?: number
}

const defaults = {
  reconnect: { base: 500, cap: 15_000 },
  patient: { base: 10_000, cap: 60_000 },
  pingEvery: 2_000, // so that a dead line is known within five seconds
  connectWithin: 10_000,
}

/** Silent beats, at most, for which a slow line is waited for: one frame may take it half a minute. */
const mostPatience = 16
/** After so many beats in a row that heard something, a line is taken for a quick one again. */
const steadyBeats = 10

export function socketURL(page: Pick<Location, 'protocol' | 'host'>, mount: string): string {
  return `${page.protocol === 'https:' ? 'wss:' : 'ws:'}//${page.host}${mount}${apiPath}/ws`
}

export class LiveSocket {
  private readonly options: SocketOptions & typeof defaults
  private socket: WebSocket | null = null
  private link: Link = { state: 'idle' }
  private attempt = 0 // tries since a connection last stood
  private notBefore = 0 // ms of performance.now(), which no clock steps: the server asked for this much patience
  private timer: ReturnType<typeof setTimeout> | undefined
  private heartbeat: ReturnType<typeof setInterval> | undefined
  private heard = false // since the last ping
  private silent = 0 // beats in a row
  private steady = 0 // beats in a row that heard something
  private patience = 1 // silent beats after which the line is dead
  private epoch = '' // of the log that seqs are of, as the server said last

  constructor(options: SocketOptions) {
    this.options = { ...defaults, ...options }
  }

  start(): void {
    if (this.link.state === 'idle' || this.link.state === 'stopped') this.connect()
  }

  /** stop ends the connection for good; start may begin another. */
  stop(): void {
    this.drop(1000)
    clearTimeout(this.timer)
    this.attempt = 0
    this.notBefore = 0
    this.become({ state: 'idle' })
  }

  /** send is false when there is no connection; the caller decides whether that matters. */
  send(command: Command): boolean {
    if (this.link.state !== 'open' || !this.socket) return false
    this.socket.send(JSON.stringify(command))
    return true
  }

  /** resume reconnects at once from the last seq: after an event was lost, or when the network is back. */
  resume(): void {
    if (this.link.state !== 'open' && this.link.state !== 'waiting') return
    this.drop(1000)
    clearTimeout(this.timer)
    this.connect()
  }

  private connect(): void {
    const since = this.options.since()
    const url = since === null ? this.options.url : `${this.options.url}?since=${since}&epoch=${encodeURIComponent(this.epoch)}`
    const Socket = this.options.WebSocket ?? WebSocket
    const socket = new Socket(url, subprotocol)
    socket.binaryType = 'arraybuffer'
    this.socket = socket
    // Each handler knows its own socket: one that was dropped has no more say.
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => this.socket === socket && this.received(event.data)
    socket.onclose = (event) => this.socket === socket && this.closed(event.code)
    this.heartbeat = setTimeout(() => this.giveUp(), this.options.connectWithin)
    this.become({ state: 'connecting', attempt: this.attempt })
  }

  private opened(): void {
    clearInterval(this.heartbeat) // of both kinds
    this.attempt = 0
    this.silent = this.steady = 0
    this.heartbeat = setInterval(() => this.beat(), this.options.pingEvery)
    this.become({ state: 'open' })
  }

  private received(data: string | ArrayBuffer): void {
    this.heard = true
    let frame: Frame | null
    try {
      frame = parseFrame(data)
    } catch (error) {
      console.error('seghub: a frame cannot be read', error)
      this.giveUp()
      return
    }
    if (!frame) return
    // What takes the connection and says nothing, or closes it at once, is not the hub: something on the way may do so.
    if (frame.type === 'welcome') this.opened()
    if (frame.type === 'welcome' || frame.type === 'snapshot') this.epoch = frame.epoch
    if (frame.type === 'draining') this.notBefore = performance.now() + frame.reconnect_after_ms
    this.options.onFrame(frame)
  }

  private closed(code: number): void {
    this.drop()
    const close = closeOf(code)
    if (close.then === 'stop') this.become({ state: 'stopped', close })
    else this.retry(close)
  }

  private retry(close: Close): void {
    const backoff = close.then === 'wait' ? this.options.patient : this.options.reconnect
    const asked = Math.max(0, this.notBefore - performance.now())
    const retryInMs = asked + delay(backoff, this.attempt, this.options.random)
    this.attempt++
    this.notBefore = 0
    this.timer = setTimeout(() => this.connect(), retryInMs)
    this.become({ state: 'waiting', attempt: this.attempt, retryInMs, close })
  }

  /**
   * A network that goes away without a word leaves a socket that never closes. But a slow one says nothing while a large frame is under
   * way, which would come anew with each try: so each line that was given up has the next one wait twice as long.
   */
  private beat(): void {
    this.silent = this.heard ? 0 : this.silent + 1
    this.steady = this.heard ? this.steady + 1 : 0
    if (this.steady >= steadyBeats) this.patience = 1
    if (this.silent >= this.patience) {
      this.patience = Math.min(2 * this.patience, mostPatience)
      this.giveUp()
      return
    }
    this.heard = false
    this.socket?.send(JSON.stringify({ type: 'ping' } satisfies Command))
  }

  private giveUp(): void {
    this.drop(1000)
    this.retry(closeOf(1006))
  }

  private drop(code?: number): void {
    clearInterval(this.heartbeat) // of both kinds
    const socket = this.socket
    this.socket = null
    if (socket && code !== undefined) socket.close(code)
  }

  private become(link: Link): void {
    this.link = link
    this.options.onLink(link)
  }
}
