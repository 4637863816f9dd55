// A hub for tests: the public contract over real HTTP and real sockets, in this process, without images or
// models. It has no will of its own: a test says what happens next, and `play` runs a job the usual way.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readFile } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Job, JobState, MaskHeader, Model, Operation, Problem, Rejection, Result, SegmentedObject, Session, Stage, Stats } from '../src/lib/protocol'
import { grey, paint, type Disc } from './png'

export const model: Model = {
  id: 'unet_test',
  title: 'Spheroids',
  description: 'Finds spheroids and other compact bodies in brightfield images.',
  input: { height: 256, width: 256, channels: 1, scaling: 'fit' },
  precision: 'fp32',
  batch: { alone: 1, shared: 1, max: 1 },
  threshold: 0.5,
  min_area: 0,
  split_touching: false,
  training_data: [
    { name: 'drawn spheroids', licence: 'CC0', images: 1500 },
    { name: 'spheroids of another laboratory, pseudo-labels', licence: 'CC BY 3.0', images: 1 },
  ],
  scores: { spheroids_pseudo: { dice: 0.973, iou: 0.947 } },
  size_bytes: 4_833_953,
  loaded: true,
}

const width = 640
const height = 480
const discs: Disc[] = [
  { x: 190, y: 180, radius: 92 },
  { x: 430, y: 300, radius: 120 },
  { x: 560, y: 90, radius: 48 },
]
export const picture = grey(width, height, paint(width, height, discs, 70, 180))
export const maskPicture = grey(
  width,
  height,
  paint(width, height, discs, 200, 0).map((value) => (value >= 200 ? 255 : 0)),
)

const base = 'http://hub' // of the paths that are asked for

interface Member {
  token: string
  session: Session
  jobs: Job[]
  log: { seq: number; data: string | Buffer }[]
  sockets: Set<WebSocket>
  open: boolean
}

type Event =
  | { type: 'job'; job: Job; deleted?: boolean }
  | { type: 'session'; session: Session }
  | { type: 'edit'; job_id: string; revision: number; changed: SegmentedObject[]; removed: number[] }

export class FakeHub {
  readonly members = new Map<string, Member>() // by token
  /** Commands that arrived on sockets. */
  readonly heard: unknown[] = []
  /** The requests that were answered, as "METHOD /path". */
  readonly calls: string[] = []
  accessKey = ''
  models: readonly Model[] = [model]
  /** The next upload is answered with this instead; used up once. */
  refuse: { problem: Problem; retryAfter?: number; rejected?: Rejection[] } | null = null
  /** The next upload, or request to segment again, is taken, but its answer is lost; used up once. */
  swallow = false
  /** The most jobs of a snapshot, the newest. */
  snapshotJobs = 1_000
  /** Sockets are not let through, as by a proxy that knows none. */
  socketless = false
  /** New sockets are opened when this has come. */
  opening: Promise<void> = Promise.resolve()
  /** Of the event logs; another one makes who comes back begin anew. */
  epoch = 'one'
  /** New sockets are closed with this code at once. */
  turnAway: number | null = null
  /** A folder whose files are served beside the API: the built page. */
  pages: string | null = null
  /** What is found in every picture, instead of the three bodies. */
  found: SegmentedObject[] | null = null
  /** Jobs run by themselves, one stage every so many ms. */
  pace: number | null = null
  /** The mask of a job that is done. */
  maskOf: (job: Job) => Uint8Array = () => maskPicture

  private readonly revisions = new Map<string, Result[]>() // of results that were corrected, by job
  private readonly keys = new Map<string, Job[]>() // what requests have made, by their session and Idempotency-Key
  private readonly server: Server
  private readonly sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'seghub.v1' })
  private readonly timers = new Set<ReturnType<typeof setTimeout>>()
  private next = 1

  /** Heard by nobody; open has it listen. */
  constructor() {
    this.server = createServer((request, response) => void this.answer(request, response))
    this.server.on('upgrade', (request: IncomingMessage, socket, head) => {
      socket.on('error', () => undefined) // who asked may be gone
      if (this.socketless) return void socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
      void this.opening.then(() => this.sockets.handleUpgrade(request, socket, head, (ws) => this.join(ws, request)))
    })
  }

  static async open(port = 0): Promise<FakeHub> {
    const hub = new FakeHub()
    await new Promise<void>((resolve) => hub.server.listen(port, '127.0.0.1', resolve))
    return hub
  }

  async close(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer)
    for (const member of this.members.values()) for (const socket of member.sockets) socket.terminate()
    this.sockets.close()
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  get socketURL(): string {
    return `${this.url.replace('http', 'ws')}/api/v1/ws`
  }

  /** The only member, in tests with one. */
  get member(): Member {
    const [first] = this.members.values()
    if (!first) throw new Error('nobody has signed in')
    return first
  }

  newJob(filename: string, member = this.member, change: Partial<Job> = {}): Job {
    const id = `job${this.next++}`
    const job: Job = {
      id,
      image_id: `image-${id}`,
      filename,
      width,
      height,
      page: 0,
      pages: 1,
      model: model.id,
      options: { threshold: 0.5 },
      revision: 1,
      state: 'queued',
      stage: '',
      percent: 0,
      error: null,
      created_at: new Date().toISOString(),
      started_at: null,
      finished_at: null,
      timing_ms: { queued: 3, decode: 12, infer: 180, postprocess: 9, total: 204 },
      ...change,
    }
    member.jobs.push(job)
    this.publish({ type: 'job', job }, member)
    return job
  }

  setJob(id: string, change: Partial<Job>, member = this.member): Job {
    const index = member.jobs.findIndex((job) => job.id === id)
    const job = { ...member.jobs[index]!, ...change }
    member.jobs[index] = job
    this.publish({ type: 'job', job }, member)
    return job
  }

  removeImage(id: string, member = this.member): void {
    const gone = member.jobs.filter(({ image_id }) => image_id === id)
    member.jobs = member.jobs.filter(({ image_id }) => image_id !== id)
    for (const job of gone) this.publish({ type: 'job', job: { ...job, state: 'cancelled' }, deleted: true }, member)
  }

  setSession(change: Partial<Session>, member = this.member): void {
    Object.assign(member.session, change)
    this.publish({ type: 'session', session: member.session }, member)
  }

  /** publish appends a kept event and sends it. */
  publish(event: Event, member = this.member): void {
    const jobs: Session['jobs'] = { queued: 0, running: 0, done: 0, failed: 0, cancelled: 0 }
    for (const { state } of member.jobs) jobs[state]++
    member.session.jobs = jobs
    const seq = ++member.session.seq
    this.append(member, seq, JSON.stringify(event.type === 'session' ? { ...event, seq, session: { ...event.session, seq } } : { ...event, seq }))
  }

  finalMask(job: Job, png = this.maskOf(job), member = this.member): void {
    const seq = ++member.session.seq
    this.append(member, seq, binary({ type: 'mask', seq, ...where(job), final: true }, png))
  }

  tile(job: Job, piece: { x: number; y: number; width: number; height: number }, png: Uint8Array, member = this.member): void {
    this.say(binary({ type: 'mask', ...where(job), ...piece, final: false }, png), member)
  }

  progress(job: string, stage: Stage, percent: number, member = this.member): void {
    this.say({ type: 'progress', job_id: job, stage, done: 0, total: 1, percent }, member)
  }

  /** say sends what is not kept: a frame as it is, or an object as a text frame. */
  say(frame: object | Buffer | string, member = this.member): void {
    const data = Buffer.isBuffer(frame) || typeof frame === 'string' ? frame : JSON.stringify(frame)
    for (const socket of member.sockets) socket.send(data)
  }

  /** drop closes the member's sockets. Without a code the line just breaks. */
  drop(code?: number, member = this.member): void {
    for (const socket of member.sockets) {
      if (code === undefined) socket.terminate()
      else socket.close(code)
    }
    member.sockets.clear()
  }

  /** restore takes the hub back to before a job was corrected. */
  restore(id: string, member = this.member): void {
    this.revisions.delete(id)
    member.jobs = member.jobs.map((each) => (each.id === id ? { ...each, revision: 1 } : each))
    this.epoch += ' restored'
  }

  /** forget empties the log: whoever was away has a gap. */
  forget(member = this.member): void {
    member.log = []
  }

  /** play brings a queued job to its end. */
  play(job: Job, member = this.member): void {
    this.setJob(job.id, { state: 'running', stage: 'decode', started_at: new Date().toISOString() }, member)
    this.progress(job.id, 'infer', 60, member)
    this.finish(job, member)
  }

  private finish(job: Job, member: Member): void {
    this.finalMask(job, this.maskOf(job), member)
    this.setJob(job.id, { state: 'done', stage: 'postprocess', percent: 100, finished_at: new Date().toISOString() }, member)
  }

  /** The same with time between its steps, for people who watch. */
  private async playSlowly(job: Job, member: Member, pace: number): Promise<void> {
    await this.pass(pace)
    this.setJob(job.id, { state: 'running', stage: 'decode', started_at: new Date().toISOString() }, member)
    for (const [stage, percent] of [['decode', 18], ['infer', 45], ['infer', 80], ['postprocess', 95]] as const) {
      await this.pass(pace)
      if (member.jobs.find(({ id }) => id === job.id)?.state !== 'running') return
      this.progress(job.id, stage, percent, member)
    }
    this.finish(job, member)
  }

  private pass(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.timers.delete(timer)
        resolve()
      }, ms)
      this.timers.add(timer)
    })
  }

  private append(member: Member, seq: number, data: string | Buffer): void {
    member.log.push({ seq, data })
    this.say(data, member)
  }

  /** join gives a socket that was asked for what it is to hear. */
  join(socket: WebSocket, request: IncomingMessage): void {
    const member = this.caller(request)
    const code = this.turnAway ?? (member ? (member.open ? null : 4404) : 4401)
    if (code !== null || !member) return socket.close(code ?? 4401)
    member.sockets.add(socket)
    socket.on('close', () => member.sockets.delete(socket))
    socket.on('message', (data) => this.command(socket, JSON.parse(String(data)), member))

    const { seq } = member.session
    const { epoch } = this
    const asked = new URL(request.url ?? '', base).searchParams
    const since = asked.has('since') ? Number(asked.get('since')) : null
    const missed = member.log.filter((event) => event.seq > (since ?? seq))
    const resumed = since !== null && missed.length === seq - since && (asked.get('epoch') || epoch) === epoch
    socket.send(JSON.stringify({ type: 'welcome', session: member.session, seq, epoch, resumed, gap: since !== null && !resumed }))
    if (resumed) for (const event of missed) socket.send(event.data)
    else socket.send(JSON.stringify({ type: 'snapshot', session: member.session, jobs: member.jobs.toReversed().slice(0, this.snapshotJobs), seq, epoch }))
    const { state, position } = member.session
    if (state === 'waiting') socket.send(JSON.stringify({ type: 'position', position, waiting: 1, eta_seconds: null }))
  }

  private command(socket: WebSocket, command: { type: string; id?: number; job_id?: string }, member: Member): void {
    this.heard.push(command)
    if (command.type === 'ping') socket.send(JSON.stringify({ type: 'pong', id: command.id }))
    if (command.type === 'watch') socket.send(JSON.stringify({ type: 'stats', ...this.stats(member) }))
    if (command.type === 'cancel') this.cancel(member, command.job_id)
  }

  private stats(member: Member): Stats {
    const slots = 4
    return {
      slots: { total: slots, active: [...this.members.values()].filter(({ session }) => session.slot !== null).length },
      waiting: [...this.members.values()].filter(({ session }) => session.state === 'waiting').length,
      workers: Array.from({ length: slots }, (_, slot) => {
        const owner = [...this.members.values()].find(({ session }) => session.slot === slot)
        const busy = owner?.jobs.some(({ state }) => state === 'running') ?? false
        return { slot, device: 'cpu', state: busy ? 'busy' : 'idle', session_is_you: owner === member, model: busy ? model.id : null, images_done: 3 }
      }),
      memory: {
        used_bytes: 1e9, total_bytes: 4e9, budget_bytes: 3e9, booked_bytes: 5e8,
        pressure: 'normal', breaker: 'closed', utilisation: null, temperature_c: null,
      },
    }
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', base)
    const call = `${request.method} ${url.pathname}`
    this.calls.push(call)
    if (call === 'GET /samples') return json(response, 200, { samples: [{ name: 'spheroids', url: '/samples/spheroids.png', model: model.id }] })
    if (call === 'GET /samples/spheroids.png') return png(response, picture)
    if (this.pages !== null && !url.pathname.startsWith('/api/')) return page(response, this.pages, url.pathname)
    if (call === 'POST /api/v1/sessions') return this.signIn(response, JSON.parse((await body(request)).toString()))

    const member = this.caller(request)
    if (!member?.open) return fail(response, problem('unauthorized', 401, 'Not authorised', 'Start a session first.'))
    const [, what, id, part] = url.pathname.replace('/api/v1', '').split('/')
    const job = member.jobs.find((candidate) => candidate.id === id)
    switch (`${request.method} ${[what, id && '*', part].filter(Boolean).join('/')}`) {
      case 'GET session':
        return json(response, 200, member.session)
      case 'DELETE session':
        member.open = false
        this.setSession({ state: 'closed' }, member)
        this.drop(4404, member)
        return empty(response, 204)
      case 'GET jobs':
        return json(response, 200, { jobs: member.jobs.toReversed(), next_cursor: null })
      case 'POST jobs':
        return this.again(request, response, member)
      case 'DELETE images/*':
        if (!member.jobs.some(({ image_id }) => image_id === id)) break
        this.removeImage(id!, member)
        return empty(response, 204)
      case 'POST images/*/calibrate': {
        const { pixel_size } = JSON.parse((await body(request)).toString()) as { pixel_size: number | null }
        for (const each of member.jobs.filter(({ image_id }) => image_id === id)) this.setJob(each.id, { pixel_size }, member)
        return empty(response, 204)
      }
      case 'POST jobs/*/edits':
        if (job) return this.edit(response, job, JSON.parse((await body(request)).toString()), member)
        break
      case 'GET stats':
        return json(response, 200, this.stats(member))
      case 'GET models':
        return json(response, 200, { models: this.models })
      case 'GET images/*/preview':
        return png(response, picture)
      case 'POST images':
        return this.takeImages(request, response, member)
      case 'DELETE jobs':
        this.cancel(member)
        return empty(response, 202)
      case 'DELETE jobs/*':
        if (!job) break
        this.cancel(member, id)
        return empty(response, 202)
      case 'GET jobs/*/mask.png':
        if (job?.state === 'done') return png(response, this.maskOf(job))
        break
      case 'GET jobs/*/result':
        if (job?.state === 'done') return json(response, 200, this.revisions.get(job.id)?.at(-1) ?? this.resultOf(job))
    }
    fail(response, problem('not_found', 404, 'Not found', `There is no ${url.pathname}.`))
  }

  private signIn(response: ServerResponse, asked: { name?: string; access_key?: string }): void {
    if (this.accessKey && asked.access_key !== this.accessKey) {
      return fail(response, problem('access_key_required', 401, 'An access key is required', 'This hub asks for an access key.'))
    }
    const token = `token${this.next++}`
    const taken = [...this.members.values()].map(({ session }) => session.slot)
    const slot = [0, 1, 2, 3].find((free) => !taken.includes(free)) ?? null
    const session: Session = {
      id: `session-${token}`,
      name: asked.name || 'Guest',
      state: slot === null ? 'idle' : 'active',
      slot,
      node: 'fake',
      position: null,
      eta_seconds: null,
      jobs: { queued: 0, running: 0, done: 0, failed: 0, cancelled: 0 },
      seq: 0,
      expires_at: null,
    }
    this.members.set(token, { token, session, jobs: [], log: [], sockets: new Set(), open: true })
    response.setHeader('Set-Cookie', `seghub_session=${token}; Path=/; HttpOnly; SameSite=Strict`)
    json(response, 201, { session, token })
  }

  private async takeImages(request: IncomingMessage, response: ServerResponse, member: Member): Promise<void> {
    const data = await body(request)
    if (this.refuse) {
      const { problem: why, retryAfter, rejected } = this.refuse
      this.refuse = null
      if (retryAfter !== undefined) response.setHeader('Retry-After', String(retryAfter))
      return fail(response, rejected ? { ...why, rejected } : why)
    }
    const name = String(request.headers['idempotency-key'] ?? '')
    const key = `${member.token} ${name}`
    const before = this.keys.get(key)?.flatMap(({ id }) => member.jobs.filter((job) => job.id === id)) // as they are now, without what was deleted
    if (name && before?.length) return json(response, 202, { accepted: before, rejected: [] })
    const form = await new Response(data, { headers: { 'Content-Type': request.headers['content-type'] ?? '' } }).formData()
    const accepted: Job[] = []
    const rejected: Rejection[] = []
    for (const [index, entry] of form.getAll('files').entries()) {
      const file = entry as File
      const start = Buffer.from(await file.slice(0, 4).arrayBuffer()).toString('latin1')
      if (start === '\x89PNG') accepted.push(this.newJob(file.name, member))
      else rejected.push({ index, filename: file.name, code: 'unsupported_format', detail: 'The file is not an image in a format that is known.' })
    }
    if (accepted.length === 0) {
      const why = problem('unsupported_format', 415, 'Unsupported image format', rejected[0]?.detail ?? '')
      return fail(response, { ...why, rejected })
    }
    this.keys.set(key, accepted)
    if (this.swallow) {
      this.swallow = false
      return void response.destroy()
    }
    json(response, 202, { accepted, rejected })
    if (this.pace !== null) for (const job of accepted) void this.playSlowly(job, member, this.pace)
  }

  private async again(request: IncomingMessage, response: ServerResponse, member: Member): Promise<void> {
    const asked = JSON.parse((await body(request)).toString()) as { images: string[]; model: string }
    const key = `${member.token} ${request.headers['idempotency-key']}`
    const accepted = this.keys.get(key) ?? asked.images.flatMap((image) => {
      const known = member.jobs.find(({ image_id }) => image_id === image)
      return known ? [this.newJob(known.filename, member, { image_id: image, model: asked.model })] : []
    })
    this.keys.set(key, accepted)
    if (this.swallow) {
      this.swallow = false
      return void response.destroy()
    }
    json(response, 202, { accepted, rejected: [] })
  }

  private resultOf(job: Job): Result {
    const result = resultOf(job)
    return this.found ? { ...result, objects: this.found, summary: { ...result.summary, count: this.found.length } } : result
  }

  /** Deleting and reverting are enough to see that corrections come and go. */
  private edit(response: ServerResponse, job: Job, asked: { revision: number; operations: Operation[] }, member: Member): void {
    const revisions = this.revisions.get(job.id) ?? [this.resultOf(job)]
    const now = revisions.at(-1)!
    if (asked.revision !== now.revision) return fail(response, problem('revision_conflict', 409, 'Not the newest', 'Somebody was quicker.'))
    let { objects } = now
    for (const operation of asked.operations) {
      if (operation.op === 'delete') objects = objects.filter(({ id }) => !operation.ids.includes(id))
      if (operation.op === 'revert') objects = revisions.find(({ revision }) => revision === operation.revision)!.objects
    }
    const revision = now.revision! + 1
    const changed = objects.filter((object) => !now.objects.includes(object))
    const removed = now.objects.filter((object) => !objects.includes(object)).map(({ id }) => id)
    this.revisions.set(job.id, [...revisions, { ...now, revision, objects, summary: { ...now.summary, count: objects.length } }])
    this.publish({ type: 'edit', job_id: job.id, revision, changed, removed }, member)
    this.setJob(job.id, { revision }, member)
    json(response, 200, { revision, changed, removed })
  }

  private cancel(member: Member, id?: string): void {
    const open: JobState[] = ['queued', 'running']
    for (const job of member.jobs) {
      if (open.includes(job.state) && (id === undefined || job.id === id)) this.setJob(job.id, { state: 'cancelled' }, member)
    }
  }

  private caller(request: IncomingMessage): Member | undefined {
    const token = /seghub_session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1]
    return token === undefined ? undefined : this.members.get(token)
  }
}

export function problem(code: string, status: number, title: string, detail: string): Problem {
  return { type: `urn:seghub:problem:${code}`, code, status, title, detail }
}

export function binary(header: Partial<MaskHeader>, png: Uint8Array): Buffer<ArrayBuffer> {
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, text, png])
}

function where(job: Job) {
  return { job_id: job.id, image_id: job.image_id, x: 0, y: 0, width: job.width, height: job.height }
}

export function resultOf(job: Job): Result {
  const objects = discs.map(({ x, y, radius }, index) => ({
    id: index + 1,
    polygon: Array.from({ length: 48 }, (_, i): [number, number] => {
      const angle = (i / 48) * 2 * Math.PI
      return [Math.round(x + radius * Math.cos(angle)), Math.round(y + radius * Math.sin(angle))]
    }),
    holes: [],
    bbox: [x - radius, y - radius, 2 * radius, 2 * radius] as [number, number, number, number],
    area: Math.round(Math.PI * radius ** 2),
    perimeter: 2 * Math.PI * radius,
    centroid: [x, y] as [number, number],
    mean_probability: 0.9,
  }))
  const total = objects.reduce((sum, { area }) => sum + area, 0)
  return {
    job: job.id,
    image: { id: job.image_id, filename: job.filename, width: job.width, height: job.height },
    model: job.model,
    revision: job.revision ?? 1,
    options: { threshold: 0.5 },
    objects,
    summary: { count: objects.length, total_area: total, coverage: total / (job.width * job.height) },
  }
}

async function body(request: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value))
}

function png(response: ServerResponse, data: Uint8Array): void {
  response.writeHead(200, { 'Content-Type': 'image/png' }).end(data)
}

function fail(response: ServerResponse, why: Problem & { rejected?: Rejection[] }): void {
  response.writeHead(why.status, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify(why))
}

async function page(response: ServerResponse, folder: string, path: string): Promise<void> {
  const name = path === '/' ? '/index.html' : path
  const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }
  try {
    const data = await readFile(join(folder, normalize(name)))
    response.writeHead(200, { 'Content-Type': types[extname(name)] ?? 'application/octet-stream' }).end(data)
  } catch {
    empty(response, 404)
  }
}

function empty(response: ServerResponse, status: number): void {
  response.writeHead(status).end()
}
