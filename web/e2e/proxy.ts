// A reverse proxy that has the hub under a path, as an institute's web server does.

import { createServer, request, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

export interface Proxy {
  url: string
  /** Lets nothing through, and says so to nobody, until it is undone; what was under way then is lost. */
  silence: (on: boolean) => void
  stop: () => void
}

/** startProxy passes what is asked for under path to the hub, without path, and knows nothing else; sockets only if it is told to. */
export async function startProxy(hub: string, path: string, sockets = true): Promise<Proxy> {
  const to = new URL(hub)
  const inner = (message: IncomingMessage) => (message.url!.startsWith(`${path}/`) ? message.url!.slice(path.length) : null)

  // A network that is gone: who asked hears nothing, not even that.
  const ways = new Set<Socket>()
  let silent = false

  const server = createServer((asked, answer) => {
    if (silent) return
    const url = inner(asked)
    if (url === null) return void answer.writeHead(404).end()
    const passed = request({ host: to.hostname, port: to.port, path: url, method: asked.method, headers: asked.headers }, (from) => {
      if (silent) return
      answer.writeHead(from.statusCode!, from.headers)
      from.pipe(answer)
    })
    passed.on('error', () => answer.destroy())
    asked.pipe(passed)
  })
  server.on('connection', (socket: Socket) => {
    ways.add(socket)
    socket.once('close', () => ways.delete(socket))
    if (silent) socket.pause()
  })
  server.on('upgrade', (asked: IncomingMessage, socket) => {
    const url = sockets ? inner(asked) : null
    if (url === null) return void socket.destroy()
    const passed = connect(Number(to.port), to.hostname, () => {
      passed.on('data', (data) => silent || socket.write(data))
      socket.on('data', (data) => silent || passed.write(data))
      const headers = Object.entries(asked.headers).map(([name, value]) => `${name}: ${String(value)}\r\n`)
      passed.write(`GET ${url} HTTP/1.1\r\n${headers.join('')}\r\n`)
    })
    passed.on('error', () => socket.destroy()).on('close', () => silent || socket.destroy())
    socket.on('error', () => passed.destroy()).on('close', () => passed.destroy())
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}/`,
    silence: (on) => {
      if (!on) for (const way of ways) way.destroy()
      silent = on
    },
    stop: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
