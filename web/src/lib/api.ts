// The hub's HTTP calls. Every failure is a Failure with a code to switch on and words for a person, the
// network's failures included.

import {
  apiPath,
  type Edited,
  type ImageInfo,
  type Job,
  type Model,
  type Operation,
  type Options,
  type Problem,
  type Rejection,
  type Result,
  type Sample,
  type Session,
  type Stats,
  type Wishes,
} from './protocol'

/** Codes that the client gives itself, beside those of the contract. */
export const unreachable = 'unreachable'
/** The browser does not keep the hub's cookie. */
export const cookieRefused = 'cookie_refused'
/** A proxy on the way takes no request as large as this one. */
export const tooLargeOnTheWay = 'too_large_on_the_way'
/** A proxy on the way asks for a sign-in of its own, which has run out. */
export const signInOnTheWay = 'sign_in_on_the_way'

export class Failure extends Error {
  override name = 'Failure'
  constructor(
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly status: number,
    /** ms; null when the server did not say. */
    readonly retryAfter: number | null = null,
    /** Of an upload of which nothing was taken. */
    readonly rejected: readonly Rejection[] = [],
  ) {
    super(detail || title)
  }
}

export interface Uploaded {
  accepted: Job[]
  rejected: Rejection[]
}

export interface Upload {
  files: readonly File[]
  model: string
  options: Wishes
  /** Names the request, so that the hub takes it once however often it is sent. */
  key: string
  /** ms in which some of it leaves, or the answer comes: a line that is gone does not say so for a quarter of an hour. */
  patience: number
}

/** A window of sample values as it is shown: low is black, high white. */
export interface Contrast {
  low: number
  high: number
  gamma: number
}

/** All channels in one picture, each in its colour. */
export const composite = 'composite'

/** Which picture of a file is shown. */
export interface Look {
  page: number
  channel?: string // its name or its number from 0; '' is the page's own
  contrast?: Contrast | null
}

/** isPassing tells whether the same may be answered otherwise soon: the hub or what lies before it is away, or has too much to do. */
export function isPassing(error: unknown): boolean {
  return error instanceof Failure && [0, 429, 502, 503, 504].includes(error.status)
}

/** Sends a form, tells how much of it has left (0..1), and gives what came back. */
export type SendForm = (
  url: string,
  form: FormData,
  headers: Record<string, string>,
  sent: (fraction: number) => void,
  signal: AbortSignal,
) => Promise<Response>

export interface ApiOptions {
  origin?: string // of the hub, with the path that it lies under; '' = the root of the page's
  fetch?: typeof fetch
  sendForm?: SendForm
  patience?: number // ms in which the hub says how things are
}

export class Api {
  private readonly root: string
  private readonly origin: string
  private readonly fetch: typeof fetch
  private readonly sendForm: SendForm
  private readonly patience: number

  constructor(options: ApiOptions = {}) {
    this.origin = options.origin ?? ''
    this.root = this.origin + apiPath
    this.fetch = options.fetch ?? ((...call) => globalThis.fetch(...call))
    this.sendForm = options.sendForm ?? sendByXHR
    this.patience = options.patience ?? 30_000
  }

  /** The session of the browser's cookie; null when there is none, or no longer. */
  async session(): Promise<Session | null> {
    try {
      return await this.look<Session>('/session')
    } catch (error) {
      if (isOver(error)) return null
      throw error
    }
  }

  async createSession(name: string, accessKey: string): Promise<Session> {
    const body = accessKey ? { name, access_key: accessKey } : { name }
    return (await this.json<{ session: Session }>('POST', '/sessions', body)).session
  }

  /** Ends the session; one that is over already is as good. */
  async closeSession(): Promise<void> {
    try {
      await this.call('DELETE', '/session')
    } catch (error) {
      if (!isOver(error)) throw error
    }
  }

  async models(): Promise<Model[]> {
    return (await this.look<{ models: Model[] }>('/models')).models
  }

  async stats(): Promise<Stats> {
    return this.look('/stats')
  }

  async samples(): Promise<Sample[]> {
    const response = await this.request(`${this.origin}/samples`, {})
    return ((await response.json()) as { samples: Sample[] }).samples
  }

  async sampleFile(sample: Sample): Promise<File> {
    const response = await this.request(this.origin + sample.url, {})
    return new File([await response.blob()], `${sample.name}.png`, { type: 'image/png' })
  }

  async upload(upload: Upload, sent: (fraction: number) => void, signal: AbortSignal): Promise<Uploaded> {
    const form = new FormData()
    // Fields first: the server judges them before it takes the files.
    form.set('model', upload.model)
    for (const [name, value] of Object.entries(upload.options)) form.set(name, String(value))
    for (const file of upload.files) form.append('files', file, file.name)
    const still = new Stillness(upload.patience)
    const moved = (fraction: number) => {
      still.moved()
      sent(fraction)
    }
    sent(0)
    try {
      const response = await reached(() => this.sendForm(`${this.root}/images`, form, { 'Idempotency-Key': upload.key }, moved, AbortSignal.any([signal, still.signal])))
      return (await (await accepted(response)).json()) as Uploaded
    } finally {
      still.end()
    }
  }

  /** jobs are all of the session, newest first. */
  async jobs(): Promise<Job[]> {
    const all: Job[] = []
    for (let cursor = ''; ; ) {
      const page = await this.look<{ jobs: Job[]; next_cursor: string | null }>(`/jobs?limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)
      all.push(...page.jobs)
      if (!page.next_cursor) return all
      cursor = page.next_cursor
    }
  }

  /** again segments images that the hub has already; key names the request, as that of an upload. */
  async again(images: readonly string[], model: string, options: Wishes, key: string): Promise<Uploaded> {
    const { headers, ...request } = posted({ images, model, ...options })
    return (await (await this.request(`${this.root}/jobs`, { ...request, headers: { ...headers, 'Idempotency-Key': key } })).json()) as Uploaded
  }

  async removeImage(image: string): Promise<void> {
    await this.call('DELETE', `/images/${encodeURIComponent(image)}`)
  }

  /** calibrate says how large an image's pixels are, in µm; null is as its upload had it. */
  async calibrate(image: string, pixelSize: number | null): Promise<void> {
    await this.call('POST', `/images/${encodeURIComponent(image)}/calibrate`, { pixel_size: pixelSize })
  }

  async info(image: string, { page, channel = '' }: Look): Promise<ImageInfo> {
    return this.json('GET', `/images/${encodeURIComponent(image)}/info${asked({ page: String(page), channel })}`)
  }

  /** measure finds the objects again in the stored probabilities; keep makes them the job's result. */
  async measure(job: string, options: Partial<Options> & { keep?: boolean }, signal?: AbortSignal): Promise<Result> {
    const path = `${this.root}/jobs/${encodeURIComponent(job)}/measure`
    return (await (await this.request(path, posted(options, signal))).json()) as Result
  }

  async edit(job: string, revision: number, operations: readonly Operation[]): Promise<Edited> {
    return this.json('POST', `/jobs/${encodeURIComponent(job)}/edits`, { revision, operations })
  }

  async receipt(job: string): Promise<Record<string, unknown>> {
    return this.json('GET', `/jobs/${encodeURIComponent(job)}/receipt`)
  }

  async probability(job: string): Promise<Blob> {
    return (await this.call('GET', `/jobs/${encodeURIComponent(job)}/probability.png`)).blob()
  }

  async cancel(job: string): Promise<void> {
    await this.call('DELETE', `/jobs/${encodeURIComponent(job)}`)
  }

  async cancelAll(): Promise<void> {
    await this.call('DELETE', '/jobs')
  }

  async result(job: string): Promise<Result> {
    return this.json('GET', `/jobs/${encodeURIComponent(job)}/result`)
  }

  async mask(job: string): Promise<Blob> {
    return (await this.call('GET', `/jobs/${encodeURIComponent(job)}/mask.png`)).blob()
  }

  async preview(image: string, look: Look, size: number): Promise<Blob> {
    return this.picture(this.previewURL(image, look, size))
  }

  /** What lies at an address that this gives. */
  async picture(url: string): Promise<Blob> {
    return (await this.request(url, {})).blob()
  }

  /** The picture as a browser shows it; size bounds its longest side. */
  previewURL(image: string, look: Look, size: number): string {
    const query = { page: look.page > 0 ? String(look.page) : '', size: String(size), ...lookQuery(look) }
    return `${this.root}/images/${encodeURIComponent(image)}/preview${asked(query)}`
  }

  tileURL(image: string, look: Look, { level, x, y }: { level: number; x: number; y: number }): string {
    return `${this.root}/images/${encodeURIComponent(image)}/tiles/${look.page}/${level}/${x}/${y}${asked(lookQuery(look))}`
  }

  labelsURL(job: string): string {
    return `${this.root}/jobs/${encodeURIComponent(job)}/labels.tif`
  }

  probabilityURL(job: string): string {
    return `${this.root}/jobs/${encodeURIComponent(job)}/probability.png`
  }

  receiptURL(job: string): string {
    return `${this.root}/jobs/${encodeURIComponent(job)}/receipt`
  }

  /** Brings results in another program's format, of all jobs that are done where none is named, and tells of the bytes that have come. */
  async fetchExport(format: string, jobs: readonly string[], came: (bytes: number) => void, signal: AbortSignal): Promise<{ blob: Blob; filename: string }> {
    const request = new XMLHttpRequest()
    request.open('POST', `${this.root}/export`)
    request.setRequestHeader('Content-Type', 'application/json')
    // The browser has it on the disk as it comes. A script that puts the pieces together holds all of them, and Chromium loses what comes to
    // more than some hundred megabytes.
    request.responseType = 'blob'
    request.onprogress = (event) => came(event.loaded)
    await reached(() => finished(request, JSON.stringify(jobs.length > 0 ? { format, jobs } : { format }), signal))
    const blob = request.response as Blob
    await accepted(answered(request, blob))
    return { blob, filename: filenameOf(request.getResponseHeader('Content-Disposition') ?? '') }
  }

  maskURL(job: string): string {
    return `${this.root}/jobs/${encodeURIComponent(job)}/mask.png`
  }

  resultURL(job: string): string {
    return `${this.root}/jobs/${encodeURIComponent(job)}/result`
  }

  /** How things are, which is asked again and again: where the network goes away without a word, a browser would wait a quarter of an hour. */
  private async look<T>(path: string): Promise<T> {
    const signal = AbortSignal.timeout(this.patience)
    return reached(async () => (await (await this.request(this.root + path, { signal })).json()) as T)
  }

  private async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    return (await (await this.call(method, path, body)).json()) as T
  }

  private call(method: string, path: string, body?: unknown): Promise<Response> {
    return this.request(this.root + path, body === undefined ? { method } : { ...posted(body), method })
  }

  /** The whole answer, so that one that breaks off in the middle is none either. */
  private request(url: string, init: RequestInit): Promise<Response> {
    const still = new Stillness(init.method === 'POST' ? Infinity : stillness) // to measure a large image anew takes its time
    const signal = init.signal ? AbortSignal.any([init.signal, still.signal]) : still.signal
    return reached(async () => {
      try {
        const response = await accepted(await this.fetch(url, { credentials: 'same-origin', redirect: 'manual', ...init, signal }))
        return new Response(await whole(response, () => still.moved()), response)
      } finally {
        still.end()
      }
    })
  }
}

const stillness = 120_000 // ms; the hub may need a minute before it has the first byte of a picture of a very large image

/** Gives up what it has the signal of where nothing moves for so many ms: a line that is gone does not say so for a quarter of an hour. */
class Stillness {
  private readonly controller = new AbortController()
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly patience: number) {
    this.moved()
  }

  get signal(): AbortSignal {
    return this.controller.signal
  }

  moved(): void {
    this.end()
    if (this.patience === Infinity) return
    this.timer = setTimeout(() => this.controller.abort(new Failure('timeout', 'Nothing moves on the way to the hub', '', 0)), this.patience)
  }

  end(): void {
    clearTimeout(this.timer)
  }
}

/** The body of an answer, of which each piece is told as it comes; null where there is none. */
async function whole({ body, headers }: Response, moved: () => void): Promise<Blob | null> {
  if (!body) return null
  const pieces: BlobPart[] = []
  for (const reader = body.getReader(); ; ) {
    const { value, done } = await reader.read()
    // Browsers have a body, of nothing, for an answer that may have none, as 204: no other can be made with it.
    if (done) return pieces.length > 0 ? new Blob(pieces, { type: headers.get('Content-Type') ?? '' }) : null
    pieces.push(value)
    moved()
  }
}

function posted(body: unknown, signal?: AbortSignal): RequestInit {
  return { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' }, signal: signal ?? null }
}

function lookQuery({ channel = '', contrast }: Look): Record<string, string> {
  return { channel, ...(contrast && { low: String(contrast.low), high: String(contrast.high), gamma: String(contrast.gamma) }) }
}

/** A query of what is not empty. */
function asked(query: Record<string, string>): string {
  const words = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString()
  return words && `?${words}`
}

/** The name that an answer is to be kept under (RFC 6266); empty when it says none. */
export function filenameOf(disposition: string): string {
  const encoded = /filename\*=utf-8''([^;]+)/i.exec(disposition)?.[1]
  if (encoded) return decodeURIComponent(encoded)
  return /filename="?([^";]+)/.exec(disposition)?.[1] ?? ''
}

function isOver(error: unknown): boolean {
  return error instanceof Failure && (error.code === 'unauthorized' || error.code === 'not_found')
}

async function reached<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof Failure || (error instanceof DOMException && error.name === 'AbortError')) throw error
    throw new Failure(unreachable, 'The hub does not answer', 'The hub does not answer. Check that it runs and that you are on its network.', 0)
  }
}

async function accepted(response: Response): Promise<Response> {
  if (isSignIn(response)) throw new Failure(signInOnTheWay, signInWords, '', 401)
  if (response.ok) return response
  throw failureOf(response, await response.text())
}

const signInWords = 'A proxy on the way to the hub wants you to sign in again (load this page anew)'

/** The hub leads nowhere else, answers with no page, and says what is wrong with a session as a problem. */
function isSignIn({ type, ok, status, headers }: Response): boolean {
  const kind = headers.get('Content-Type') ?? ''
  return type === 'opaqueredirect' || (ok && kind.startsWith('text/html')) || (status === 401 && !kind.includes('json'))
}

/** Something between us and the hub may answer in words of its own. */
function failureOf(response: Response, body: string): Failure {
  let problem: Partial<Problem> & { rejected?: Rejection[] } = {}
  try {
    problem = (JSON.parse(body) ?? {}) as typeof problem
  } catch {
    // Not a problem document; the status must do.
  }
  const title = problem.title ?? `The hub, or a proxy on the way to it, answered ${response.status}`
  if (response.status === 413 && !problem.code) {
    const detail = 'A proxy on the way to the hub does not take this much at once: its operator can allow more.'
    return new Failure(tooLargeOnTheWay, title, detail, response.status)
  }
  return new Failure(problem.code ?? 'internal', title, problem.detail ?? '', response.status, retryAfter(response), problem.rejected)
}

function retryAfter(response: Response): number | null {
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null
}

/** fetch cannot tell how much of a body has left; this can. */
const sendByXHR: SendForm = async (url, form, headers, sent, signal) => {
  const request = new XMLHttpRequest()
  request.open('POST', url)
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
  request.upload.onprogress = (event) => event.lengthComputable && sent(event.loaded / event.total)
  await finished(request, form, signal)
  return answered(request, request.responseText)
}

/** Sends a request, and waits until it is answered to the end. */
function finished(request: XMLHttpRequest, body: XMLHttpRequestBodyInit, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    request.onload = () => resolve()
    request.onerror = () => reject(new TypeError('network error'))
    request.onabort = () => reject(signal.reason)
    signal.addEventListener('abort', () => request.abort(), { once: true })
    request.send(body)
  })
}

function answered(request: XMLHttpRequest, body: BodyInit): Response {
  const headers = new Headers()
  for (const name of ['Retry-After', 'Content-Type']) {
    const value = request.getResponseHeader(name)
    if (value !== null) headers.set(name, value)
  }
  return new Response(body, { status: request.status, headers })
}
