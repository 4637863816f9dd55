// A person at a browser, as far as the hub can tell: keeps the session's cookie for HTTP and for the socket.

import { WebSocket as NodeSocket } from 'ws'
import { Api, type SendForm } from '../src/lib/api'
import type { FakeHub } from './fakehub'

export class Person {
  cookie = ''
  readonly api: Api
  /** The addresses that sockets were opened with. */
  readonly dialled: string[] = []
  readonly WebSocket: new (url: string, protocols: string) => WebSocket

  constructor(hub: Pick<FakeHub, 'url'>) {
    const person = this
    this.api = new Api({ origin: hub.url, fetch: this.fetch, sendForm: this.sendForm })
    this.WebSocket = class extends NodeSocket {
      constructor(url: string, protocols: string) {
        person.dialled.push(url)
        super(url, protocols, { headers: { Cookie: person.cookie } })
        this.on('error', () => undefined) // as in a browser, a close follows
      }
    } as unknown as new (url: string, protocols: string) => WebSocket
  }

  private readonly fetch: typeof fetch = async (url, init) => {
    const headers = new Headers(init?.headers)
    headers.set('Cookie', this.cookie)
    const response = await fetch(url, { ...init, headers })
    const cookie = response.headers.get('Set-Cookie')
    if (cookie) this.cookie = cookie.split(';')[0]!
    return response
  }

  private readonly sendForm: SendForm = async (url, form, headers, sent, signal) => {
    const response = await this.fetch(url, { method: 'POST', body: form, headers, signal })
    sent(1)
    return response
  }
}

export function pngFile(name: string, bytes: Uint8Array<ArrayBuffer>): File {
  return new File([bytes], name, { type: 'image/png' })
}
