// Browsers and a hub with no network between them: a test says how long what passes takes, and what does not come through. All of it
// goes by timers, which may be on a clock of the test's own.

import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { WebSocket as NodeSocket } from 'ws'
import { Api, type SendForm } from '../src/lib/api'
import type { FakeHub } from './fakehub'
import { problem } from './fakehub'

export interface Weather {
  /** ms that something takes from one end to the other. */
  delay(): number
  /** A request is refused on its way, hears of a hub that is busy, is heard but its answer lost, or fails after a long while. */
  request(): 'fine' | 'refused' | 'busy' | 'unanswered' | 'stuck'
  /** A socket is refused on its way, hangs, or is opened by something on its way that lets nothing through. */
  socket(): 'fine' | 'refused' | 'stuck' | 'mute'
}

const stuckFor = 60_000 // ms, until the browser gives up
const formStuckFor = 15 * 60_000 // it has sent all of one, and the system waits

/** A page of a browser; all of its pages have one cookie. */
export class Page {
  readonly api: Api
  readonly WebSocket: new (url: string, protocols: string) => WebSocket
  readonly lines = new Set<Line>()
  private left = false

  constructor(hub: FakeHub, cookie: { value: string }, weather: Weather) {
    const page = this
    const call = async (url: RequestInfo | URL, init: RequestInit = {}, limit = stuckFor): Promise<Response> => {
      const fate = weather.request()
      await page.pass(weather.delay())
      if (fate === 'refused') throw new TypeError('no way there')
      if (fate === 'stuck') await page.pass(limit)
      if (fate === 'stuck') throw new TypeError('no answer')
      if (fate === 'busy') return Response.json(problem('unavailable', 503, 'Busy', ''), { status: 503 })
      const answer = new Answer()
      await hub.answer(await requestOf(String(url), init, cookie.value), answer as unknown as ServerResponse)
      await page.pass(weather.delay())
      if (fate === 'unanswered' || answer.destroyed) throw new TypeError('no answer')
      if (answer.cookie) cookie.value = answer.cookie
      return answer.response
    }
    const sendForm: SendForm = (url, form, headers, sent, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
        sent(0.5)
        call(url, { method: 'POST', body: form, headers }, formStuckFor).then((response) => (sent(1), resolve(response)), reject)
      })
    this.api = new Api({ fetch: call, sendForm })
    this.WebSocket = class extends Line {
      constructor(url: string) {
        super(page.lines, () => weather.delay())
        const fate = weather.socket()
        if (fate === 'stuck') return
        if (fate === 'refused') this.tell(() => this.end(1006))
        else this.tell(() => this.onopen?.())
        if (fate !== 'fine') return
        const headers = { cookie: cookie.value }
        setTimeout(() => hub.join(this.peer as unknown as NodeSocket, { url, headers } as unknown as IncomingMessage), weather.delay())
      }
    } as unknown as new (url: string, protocols: string) => WebSocket
  }

  /** leave is how a tab is closed or loaded anew: nothing reaches it any more. */
  leave(): void {
    this.left = true
    for (const line of this.lines) line.close()
  }

  private pass(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(() => this.left || resolve(), ms))
  }
}

/** The browser's end of a socket, and the hub's; what is said arrives in order. */
export class Line {
  onopen?: () => void
  onmessage?: (event: { data: string | ArrayBuffer }) => void
  onclose?: (event: { code: number }) => void
  /** Neither end hears the other any more, nor of that. */
  mute = false
  readonly peer = Object.assign(new EventEmitter(), {
    send: (data: string | Buffer) => this.tell(() => this.onmessage?.({ data: typeof data === 'string' ? data : new Uint8Array(data).buffer })),
    close: (code: number) => this.tell(() => this.end(code)),
    terminate: () => this.tell(() => this.end(1006)),
  })
  private there = 0 // ms of Date.now(), when what was said last arrives
  private here = 0

  constructor(
    private readonly lines: Set<Line>,
    private readonly delay: () => number,
  ) {
    lines.add(this)
  }

  send(data: string): void {
    this.there = Math.max(this.there, Date.now() + this.delay())
    setTimeout(() => this.mute || this.peer.emit('message', data), this.there - Date.now())
  }

  close(): void {
    setTimeout(() => this.end(1005), this.delay())
  }

  protected tell(what: () => void): void {
    this.here = Math.max(this.here, Date.now() + this.delay())
    setTimeout(() => this.mute || what(), this.here - Date.now())
  }

  protected end(code: number): void {
    if (!this.lines.delete(this)) return
    this.peer.emit('close')
    this.onclose?.({ code })
  }
}

/** An answer as the hub writes it. */
class Answer {
  readonly headers = new Headers()
  destroyed = false
  response = new Response()

  get cookie(): string | undefined {
    return this.headers.get('Set-Cookie')?.split(';')[0]
  }

  setHeader(name: string, value: string): void {
    this.headers.set(name, value)
  }

  private status = 200
  writeHead(status: number, headers: Record<string, string> = {}): this {
    this.status = status
    for (const [name, value] of Object.entries(headers)) this.headers.set(name, value)
    return this
  }

  end(body?: BodyInit): void {
    this.response = new Response(this.status === 204 ? null : (body ?? ''), { status: this.status, headers: this.headers })
  }

  destroy(): void {
    this.destroyed = true
  }
}

async function requestOf(path: string, init: RequestInit, cookie: string): Promise<IncomingMessage> {
  const { method, headers, body } = init
  const request = new Request(`http://hub${path}`, { method: method ?? 'GET', body: body ?? null, headers: headers ?? {} })
  const bytes = Buffer.from(await request.arrayBuffer())
  return Object.assign(Readable.from([bytes]), { method: request.method, url: path, headers: { ...Object.fromEntries(request.headers), cookie } }) as unknown as IncomingMessage
}
