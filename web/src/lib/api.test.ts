import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeHub, maskPicture, picture, problem } from '../../test/fakehub'
import { Person, pngFile } from '../../test/person'
import { Api, Failure, filenameOf, signInOnTheWay, tooLargeOnTheWay, unreachable } from './api'

let hub: FakeHub
let api: Api

beforeEach(async () => {
  hub = await FakeHub.open()
  api = new Person(hub).api
})

afterEach(() => hub.close())

const failure = (call: Promise<unknown>): Promise<Failure> =>
  call.then(
    () => Promise.reject(new Error('the call did not fail')),
    (error: unknown) => {
      expect(error).toBeInstanceOf(Failure)
      return error as Failure
    },
  )
const patience = 60_000
const upload = (...files: File[]) => api.upload({ files, model: 'unet_test', options: { threshold: 0.4 }, key: String(Math.random()), patience }, () => undefined, new AbortController().signal)

it('gives an upload up of which nothing moves any more, though its line says nothing', async () => {
  vi.useFakeTimers()
  try {
    let leave = (_: number) => {}
    api = new Api({
      sendForm: (_url, _form, _headers, sent, signal) =>
        new Promise((_, reject) => {
          leave = sent
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    })
    const failed = vi.fn()
    void failure(upload(pngFile('a.png', picture))).then(failed)
    for (const fraction of [0.5, 1]) {
      await vi.advanceTimersByTimeAsync(patience - 1)
      leave(fraction)
    }
    await vi.advanceTimersByTimeAsync(patience - 1)
    expect(failed).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(failed).toHaveBeenCalledWith(expect.objectContaining({ code: 'timeout' }))
  } finally {
    vi.useRealTimers()
  }
})

describe('a mask that comes in pieces', () => {
  let comes: ReadableStreamDefaultController<Uint8Array>
  beforeEach(() => {
    api = new Api({
      fetch: async (_, init) => {
        const body = new ReadableStream<Uint8Array>({ start: (controller) => void (comes = controller) })
        init?.signal?.addEventListener('abort', () => comes.error(init.signal!.reason)) // as browsers do
        return new Response(body, { headers: { 'Content-Type': 'image/png' } })
      },
    })
  })

  it('is whole when the last has come', async () => {
    const mask = api.mask('a')
    await Promise.resolve()
    for (const piece of [[1, 2], [3]]) comes.enqueue(new Uint8Array(piece))
    comes.close()
    expect(await (await mask).arrayBuffer()).toEqual(new Uint8Array([1, 2, 3]).buffer)
    expect((await mask).type).toBe('image/png')
  })

  it('is given up, and may be asked for again, where no more comes', async () => {
    vi.useFakeTimers()
    try {
      const failed = vi.fn()
      void failure(api.mask('a')).then(failed)
      await vi.advanceTimersByTimeAsync(119_000)
      comes.enqueue(new Uint8Array([1]))
      await vi.advanceTimersByTimeAsync(119_000)
      expect(failed).not.toHaveBeenCalled()
      await vi.advanceTimersByTimeAsync(119_000)
      expect(failed).toHaveBeenCalledWith(expect.objectContaining({ code: 'timeout', status: 0 }))
    } finally {
      vi.useRealTimers()
    }
  })

  it('may be asked for again where the line breaks in the middle', async () => {
    const mask = failure(api.mask('a'))
    await Promise.resolve()
    comes.enqueue(new Uint8Array([1]))
    comes.error(new TypeError('network error'))
    expect(await mask).toMatchObject({ code: unreachable, status: 0 })
  })
})

it('takes an answer of nothing that has a body all the same, as browsers give it', async () => {
  const nothing = () => new ReadableStream({ start: (controller) => controller.close() })
  api = new Api({ fetch: async () => Object.defineProperty(new Response(null, { status: 204 }), 'body', { value: nothing() }) })
  await api.cancel('a')
  await api.closeSession()
})

describe('a session', () => {
  it('is absent at first, there once created, gone once closed', async () => {
    expect(await api.session()).toBeNull()
    expect((await api.createSession('Ada', '')).name).toBe('Ada')
    expect((await api.session())?.name).toBe('Ada')
    await api.closeSession()
    expect(await api.session()).toBeNull()
  })

  it('asks for the access key where the hub has one', async () => {
    hub.accessKey = 'sesame'
    expect((await failure(api.createSession('Ada', ''))).code).toBe('access_key_required')
    expect((await failure(api.createSession('Ada', 'wrong'))).code).toBe('access_key_required')
    expect((await api.createSession('Ada', 'sesame')).name).toBe('Ada')
  })
})

describe('with a session', () => {
  beforeEach(() => api.createSession('Ada', ''))

  it('lists models, slots and samples, and fetches a sample as a file', async () => {
    expect((await api.stats()).slots).toEqual({ total: 4, active: 1 })
    expect((await api.models()).map(({ id }) => id)).toEqual(['unet_test'])
    const [sample] = await api.samples()
    const file = await api.sampleFile(sample!)
    expect(file.name).toBe('spheroids.png')
    expect(file.size).toBe(picture.byteLength)
  })

  it('uploads, and tells what was taken and what was not', async () => {
    const answer = await upload(pngFile('good.png', picture), new File(['words'], 'bad.png'))
    expect(answer.accepted.map(({ filename }) => filename)).toEqual(['good.png'])
    expect(answer.rejected).toMatchObject([{ filename: 'bad.png', code: 'unsupported_format' }])
  })

  it('fails with each reason when nothing was taken', async () => {
    const refused = await failure(upload(new File(['words'], 'a.png'), new File(['words'], 'b.png')))
    expect(refused).toMatchObject({ code: 'unsupported_format', status: 415 })
    expect(refused.rejected.map(({ filename }) => filename)).toEqual(['a.png', 'b.png'])
  })

  it('says how long to wait', async () => {
    hub.refuse = { problem: problem('queue_full', 429, 'The queue is full', 'Later.'), retryAfter: 30 }
    expect(await failure(upload(pngFile('a.png', picture)))).toMatchObject({ code: 'queue_full', retryAfter: 30_000 })
  })

  it('gives mask and result of a job that is done, and 404 before', async () => {
    const job = hub.newJob('a.png')
    expect((await failure(api.result(job.id))).code).toBe('not_found')
    hub.play(job)
    expect((await api.mask(job.id)).size).toBe(maskPicture.byteLength)
    expect((await api.result(job.id)).summary.count).toBe(3)
    expect((await api.preview(job.image_id, { page: 0 }, 112)).size).toBe(picture.byteLength)
  })

  it('cancels one and all', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => hub.newJob(name))
    await api.cancel(b!.id)
    expect(hub.member.jobs.map(({ state }) => state)).toEqual(['queued', 'cancelled', 'queued'])
    await api.cancelAll()
    expect(hub.member.jobs.map(({ state }) => state)).toEqual(['cancelled', 'cancelled', 'cancelled'])
    expect([a!.id, c!.id]).not.toContain(b!.id)
  })
})

describe('a failure', () => {
  const silent: typeof fetch = (_, init) => new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal!.reason)))
  const answering = (body: string, status: number, headers = {}) => new Api({ fetch: async () => new Response(body, { status, headers }) })

  it('has words when the hub is not there', async () => {
    const api = new Api({ fetch: async () => Promise.reject(new TypeError('fetch failed')) })
    expect(await failure(api.models())).toMatchObject({ code: unreachable, status: 0 })
  })

  it('has words when nothing says that there is no way there', async () => {
    const api = new Api({ fetch: silent, patience: 5 })
    for (const asked of [api.session(), api.jobs(), api.stats(), api.models()]) expect((await failure(asked)).code).toBe(unreachable)
  })

  it('comes of a removal whose line goes silent, but not of what may take long by right', async () => {
    vi.useFakeTimers()
    const api = new Api({ fetch: silent })
    try {
      const failed = vi.fn()
      void failure(api.removeImage('a')).then(() => failed('removal'))
      void failure(api.measure('a', {})).then(() => failed('measuring'))
      await vi.advanceTimersByTimeAsync(600_000)
      expect(failed.mock.calls).toEqual([['removal']])
    } finally {
      vi.useRealTimers()
    }
  })

  it('has words when something else answers', async () => {
    expect(await failure(answering('<h1>Bad gateway</h1>', 502).models())).toMatchObject({ code: 'internal', title: 'The hub, or a proxy on the way to it, answered 502' })
    expect(await failure(answering('<h1>413 Request Entity Too Large</h1>', 413).models())).toMatchObject({ code: tooLargeOnTheWay })
    expect(await failure(answering('null', 500).models())).toMatchObject({ code: 'internal', status: 500 })
  })

  it('tells the sign-in of a proxy from the hub, whose answer it would be taken for', async () => {
    const page = { 'Content-Type': 'text/html; charset=utf-8' }
    for (const status of [200, 401]) expect(await failure(answering('<h1>Sign in</h1>', status, page).removeImage('a'))).toMatchObject({ code: signInOnTheWay, status: 401 })
    // As browsers give a redirect that is not to be followed, which Response cannot make.
    const fetch = async (_: unknown, init?: RequestInit) => Object.defineProperty(Response.error(), 'type', { value: init?.redirect === 'manual' ? 'opaqueredirect' : 'error' })
    expect((await failure(new Api({ fetch }).removeImage('a'))).code).toBe(signInOnTheWay)
    expect((await failure(answering('{"code":"unauthorized"}', 401, { 'Content-Type': 'application/problem+json' }).models())).code).toBe('unauthorized')
  })

  it('passes over a Retry-After that is no number of seconds', async () => {
    const api = answering('{}', 503, { 'Retry-After': 'Wed, 21 Oct 2026 07:28:00 GMT' })
    expect((await failure(api.models())).retryAfter).toBeNull()
  })

  it('of asking for the session is not taken for having none', async () => {
    expect((await failure(answering('{}', 503).session())).status).toBe(503)
  })
})

it('escapes ids in addresses', () => {
  expect(new Api().maskURL('../a b')).toBe('/api/v1/jobs/..%2Fa%20b/mask.png')
})

it.each([
  ['attachment; filename=all.zip', 'all.zip'],
  ['attachment; filename="two words.csv"', 'two words.csv'],
  ["attachment; filename*=utf-8''Sph%C3%A4roid.geojson", 'Sphäroid.geojson'],
  ['', ''],
])('%s is kept as %s', (disposition, name) => expect(filenameOf(disposition)).toBe(name))

describe('an export', () => {
  /** Of the browser's XMLHttpRequest what an export takes: Node has none. */
  class Request {
    static last: Request
    responseType = ''
    status = 0
    response: Blob | null = null
    body = ''
    aborted = false
    headers: Record<string, string> = {}
    onload = () => undefined
    onerror = () => undefined
    onabort = () => undefined
    onprogress = (_event: { loaded: number }) => undefined
    open = (method: string, url: string) => expect([method, url]).toEqual(['POST', '/lab/api/v1/export'])
    setRequestHeader = () => undefined
    getResponseHeader = (name: string) => this.headers[name] ?? null
    send(body: string) {
      this.body = body
      Request.last = this
    }
    abort() {
      this.aborted = true
      this.onabort()
    }
    answer(status: number, text: string, headers: Record<string, string>) {
      Object.assign(this, { status, headers, response: new Blob([text]) })
      this.onload()
    }
  }

  const stop = new AbortController()
  const fetchExport = (jobs: string[], came = (_bytes: number) => undefined) => new Api({ origin: '/lab' }).fetchExport('csv', jobs, came, stop.signal)
  beforeEach(() => vi.stubGlobal('XMLHttpRequest', Request))
  afterEach(() => vi.unstubAllGlobals())

  it('is of the jobs that are named, and kept by the browser', async () => {
    const bytes: number[] = []
    const taken = fetchExport(['j1', 'j2'], (n) => void bytes.push(n))
    const { last } = Request
    expect([JSON.parse(last.body), last.responseType]).toEqual([{ format: 'csv', jobs: ['j1', 'j2'] }, 'blob'])
    last.onprogress({ loaded: 7 })
    last.answer(200, 'a table', { 'Content-Disposition': 'attachment; filename=seghub.csv' })
    const { blob, filename } = await taken
    expect([await blob.text(), filename, bytes]).toEqual(['a table', 'seghub.csv', [7]])
  })

  it('is of all where none is named, and says why there is none', async () => {
    const refused = failure(fetchExport([]))
    expect(JSON.parse(Request.last.body)).toEqual({ format: 'csv' })
    Request.last.answer(503, '{"code":"unavailable","title":"Not now","detail":"The disk is full."}', { 'Retry-After': '2' })
    expect(await refused).toMatchObject({ code: 'unavailable', detail: 'The disk is full.', status: 503 })
  })

  it('that breaks off, or is stopped, is none', async () => {
    const broken = failure(fetchExport([]))
    Request.last.onerror()
    expect((await broken).code).toBe(unreachable)
    const stopped = fetchExport([]).catch((error: unknown) => error)
    stop.abort()
    expect([(await stopped) instanceof DOMException, Request.last.aborted]).toEqual([true, true])
  })
})
