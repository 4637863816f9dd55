import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeHub, maskPicture, model, picture, problem } from '../../test/fakehub'
import { Person, pngFile } from '../../test/person'
import { until } from '../../test/until'
import { cookieRefused, Failure, signInOnTheWay } from './api'
import { Client, type ClientOptions } from './client'
import { Tabs, type Kept } from './keep'
import type { Job, Result } from './protocol'
import { countJobs, staying } from './state'

const settings = { model: 'unet_test', options: {} }

let hub: FakeHub
let person: Person
let clients: Client[]
let client: Client

beforeEach(async () => {
  hub = await FakeHub.open()
  person = new Person(hub)
  clients = []
  client = page()
})

afterEach(async () => {
  for (const each of clients) await each.signOut().catch(() => undefined)
  await hub.close()
})

/** A page of the same browser. */
function page(modelsEvery = 60_000, keep?: ClientOptions['keep']): Client {
  const opened = new Client({
    api: person.api,
    socket: { url: hub.socketURL, WebSocket: person.WebSocket, reconnect: { base: 1, cap: 2 } },
    onChange: () => undefined,
    modelsEvery,
    askEvery: 5,
    againWithin: 50,
    ...(keep && { keep }),
  })
  clients.push(opened)
  return opened
}

async function signedIn(): Promise<void> {
  await client.start()
  await client.signIn('Ada', '')
  await until('the first state', () => client.view.hub.seq !== null && client.view.models.length > 0)
}

const job = (id: string): Job | undefined => client.view.hub.jobs.get(id)
const phase = () => client.view.phase.name
const caughtUp = () => until('the newest event', () => client.view.hub.seq === hub.member.session.seq)

describe('the way in', () => {
  it('asks a new browser to sign in', async () => {
    await client.start()
    expect(phase()).toBe('signed_out')
  })

  it('leads to live state, models and samples', async () => {
    await signedIn()
    expect(client.view).toMatchObject({ phase: { name: 'live' }, link: { state: 'open' }, hub: { session: { name: 'Ada' } } })
    await until('samples', () => client.view.samples.map(({ name }) => name).join() === 'spheroids')
    await until('statistics', () => client.view.hub.stats?.workers.length === 4)
  })

  it('leads to models and samples where something in the browser blocks what is called statistics', async () => {
    person.api.stats = () => Promise.reject(new Failure('unreachable', 'Blocked', '', 0))
    await signedIn()
    await until('samples', () => client.view.samples.length > 0)
  })

  it('asks for the key of a hub that has one', async () => {
    hub.accessKey = 'sesame'
    await client.start()
    await expect(client.signIn('Ada', '')).rejects.toMatchObject({ code: 'access_key_required' } satisfies Partial<Failure>)
    expect(phase()).toBe('signed_out')
    await client.signIn('Ada', 'sesame')
    expect(phase()).toBe('live')
  })

  it('joins the session that another tab has started at the same door', async () => {
    const other = page()
    await Promise.all([client.start(), other.start()])
    await client.signIn('Ada', '')
    await other.signIn('Grace', '')
    await until('both', () => client.view.hub.session?.id === other.view.hub.session?.id)
    expect(hub.members.size).toBe(1)
  })

  it('leads files into the session that the socket is of, where another tab began one on the way', async () => {
    const { session } = person.api
    person.api.session = async () => {
      const now = await session.call(person.api)
      if (now && hub.members.size === 1) await person.api.createSession('Grace', '')
      return now
    }
    const kept: Kept[] = []
    const store = { put: async (entries: readonly Kept[]) => (kept.push(...entries), new Set<string>()), remove: async () => undefined, adopt: async () => [] }
    client = page(60_000, { store, tabs: new Tabs('') })
    await client.start()
    await client.signIn('Ada', '')
    await until('the session', () => client.view.hub.session?.name === 'Grace')
    client.upload([pngFile('a.png', picture)], null)
    await until('the file', () => kept.length > 0)
    expect(kept[0]?.session).toBe(client.view.hub.session?.id)
  })

  it('says so where the browser keeps no cookie', async () => {
    const { createSession } = person.api
    person.api.createSession = async (...asked) => {
      const made = await createSession.apply(person.api, asked)
      person.cookie = ''
      return made
    }
    await client.start()
    await expect(client.signIn('Ada', '')).rejects.toMatchObject({ code: cookieRefused } satisfies Partial<Failure>)
    expect(phase()).toBe('signed_out')
  })

  it('is open after a reload, with all that was there', async () => {
    await signedIn()
    client.upload([pngFile('a.png', picture)], settings)
    await until('the job', () => hub.member.jobs.length === 1)
    hub.play(hub.member.jobs[0]!)
    const reloaded = page()
    await reloaded.start()
    const known = await until('the job', () => [...reloaded.view.hub.jobs.values()][0])
    expect(known.state).toBe('done')
    expect((await reloaded.masks.whole(known.id)).size).toBe(maskPicture.byteLength)
    expect((await reloaded.result(known.id)).objects).toHaveLength(3)
  })
})

describe('an image', () => {
  beforeEach(signedIn)

  it('goes from the file to the mask', async () => {
    client.upload([pngFile('a.png', picture)], settings)
    const { id } = await until('the job', () => hub.member.jobs[0])
    await until('the job here', () => job(id)?.state === 'queued')
    hub.setJob(id, { state: 'running', stage: 'decode' })
    hub.progress(id, 'infer', 60)
    await until('progress', () => client.view.hub.progress.get(id)?.percent === 60)
    const before = hub.calls.length
    hub.finalMask(job(id)!)
    hub.setJob(id, { state: 'done', percent: 100 })
    await until('the end', () => job(id)?.state === 'done')
    expect((await client.masks.whole(id)).size).toBe(maskPicture.byteLength)
    expect(hub.calls.slice(before)).toEqual([]) // the socket has brought it
  })

  it('of the samples goes the same way', async () => {
    await client.uploadSample(client.view.samples[0]!, settings)
    expect((await until('the job', () => hub.member.jobs[0])).filename).toBe('spheroids.png')
  })

  it('that is none stays with its reason beside those that are', async () => {
    client.upload([pngFile('a.png', picture), new File(['words'], 'b.png')], settings)
    await until('the job', () => client.view.hub.jobs.size === 1)
    expect(client.view.pending).toMatchObject([{ file: { name: 'b.png' }, state: 'refused', reason: expect.stringContaining('not an image') }])
  })

  it('says why it failed', async () => {
    const { id } = hub.newJob('a.png')
    hub.setJob(id, { state: 'failed', error: problem('inference_failed', 500, 'The model failed on this image', 'Out of memory.') })
    await until('the end', () => job(id)?.error?.detail === 'Out of memory.')
  })

  it('is cancelled with all others even while it is on its way', async () => {
    client.upload(Array.from({ length: 20 }, (_, i) => pngFile(`${i}.png`, picture)), settings)
    await until('the first request to leave', () => client.view.pending.some(({ state }) => state === 'sending'))
    await client.cancelAll()
    expect(client.view.pending).toEqual([])
    expect(hub.member.jobs.map(({ state }) => state)).toEqual(Array(8).fill('cancelled'))
  })

  it('is not cancelled when it was added after that', async () => {
    client.upload([pngFile('wrong.png', picture)], settings)
    await until('the request to leave', () => client.view.pending.some(({ state }) => state === 'sending'))
    const cancelled = client.cancelAll()
    client.upload([pngFile('right.png', picture)], settings)
    await cancelled
    await until('both', () => hub.member.jobs.length === 2)
    expect(hub.member.jobs.map(({ filename, state }) => [filename, state])).toEqual([['wrong.png', 'cancelled'], ['right.png', 'queued']])
  })

  it('is cancelled with others that were deleted in another tab', async () => {
    const { id } = hub.newJob('a.png')
    await client.cancel([...Array.from({ length: 20 }, (_, i) => `gone${i}`), id])
    expect(hub.member.jobs[0]?.state).toBe('cancelled')
  })

  it('are cancelled a few at a time, however many are chosen', async () => {
    let [now, most, all] = [0, 0, 0]
    person.api.cancel = async () => {
      most = Math.max(most, ++now)
      await Promise.resolve()
      now--
      all++
    }
    await client.cancel(Array.from({ length: 3_000 }, (_, i) => `job${i}`))
    expect([most, all]).toEqual([6, 3_000])
  })

  it('can be cancelled, alone or with all others', async () => {
    const [a, b] = [hub.newJob('a.png'), hub.newJob('b.png')]
    await client.cancel([a.id])
    await until('one', () => job(a.id)?.state === 'cancelled')
    expect(job(b.id)?.state).toBe('queued')
    await client.cancelAll()
    await until('all', () => countJobs(client.view.hub.jobs).cancelled === 2)
  })
})

it('shows all jobs where a snapshot has the newest alone', async () => {
  await signedIn()
  const ids = ['a', 'b', 'c', 'd', 'e'].map((name) => hub.newJob(`${name}.png`).id)
  hub.setJob(ids[1]!, { state: 'running', stage: 'infer', percent: 60 })
  hub.snapshotJobs = 2
  client = page() // loaded anew
  await client.start()
  await until('those that it leaves out', () => client.view.hub.jobs.size === ids.length)
  expect([...client.view.hub.jobs.keys()]).toEqual(ids)
  expect(client.view.hub.progress.get(ids[1]!)?.percent).toBe(60)
})

describe('a broken connection', () => {
  beforeEach(signedIn)

  it('loses nothing: what was missed comes once and in order', async () => {
    const job1 = hub.newJob('a.png')
    await caughtUp()
    hub.drop()
    hub.play(job1)
    const job2 = hub.newJob('b.png')
    await until('all of it', () => job(job1.id)?.state === 'done' && job(job2.id)?.state === 'queued')
    expect(person.dialled.at(-1)).toMatch(/\?since=\d+&epoch=one$/)
    expect(client.masks.known(job1.id)).toHaveLength(1)
  })

  it('starts over where the log no longer reaches back', async () => {
    const job1 = hub.newJob('a.png')
    await caughtUp()
    hub.drop()
    hub.play(job1)
    hub.forget()
    await until('the snapshot', () => job(job1.id)?.state === 'done')
    await caughtUp()
  })

  it('asks again for what a hub has that has lost a correction', async () => {
    const job1 = hub.newJob('a.png')
    hub.play(job1)
    await until('its end', () => job(job1.id)?.state === 'done')
    const before = await client.result(job1.id, 1)
    const lost = await client.edit(before, [{ op: 'delete', ids: [before.objects[0]!.id] }])
    await until('the correction', () => job(job1.id)?.revision === 2)
    expect((await client.result(job1.id, 2)).objects).toEqual(lost.objects)
    const mask = await client.masks.whole(job1.id)
    hub.restore(job1.id)
    hub.drop()
    await until('the snapshot', () => job(job1.id)?.revision === 1)
    expect(await client.masks.whole(job1.id)).not.toBe(mask)
    expect((await client.result(job1.id, 2)).objects).toEqual(before.objects)
  })

  it('is mended when an event does not come', async () => {
    hub.newJob('a.png')
    await caughtUp()
    hub.member.session.seq++ // an event that no socket hears, though the log has it
    hub.member.log.push({ seq: hub.member.session.seq, data: JSON.stringify({ type: 'session', seq: hub.member.session.seq, session: hub.member.session }) })
    const late = hub.newJob('b.png')
    await until('the late job', () => job(late.id))
    expect(client.view.hub.lost).toBe(false)
    await caughtUp()
  })

  it('asks for the statistics again', async () => {
    const watches = () => hub.heard.filter((command) => (command as { type: string }).type === 'watch').length
    await until('the first', () => watches() === 1)
    hub.drop(1001)
    await until('the second', () => watches() === 2)
  })
})

describe('behind a proxy that lets no socket through', () => {
  beforeEach(() => {
    hub.socketless = true
  })

  it('everything is asked for by HTTP, and said so', async () => {
    await client.start()
    await client.signIn('Ada', '')
    await until('the first answer', () => client.view.asking)
    client.upload([pngFile('a.png', picture)], settings)
    const { id } = await until('the job', () => hub.member.jobs[0])
    hub.play(hub.member.jobs[0]!)
    await until('the end of it', () => job(id)?.state === 'done')
    expect(client.view.hub.stats?.workers).toHaveLength(4)
  })

  it('a socket takes over once it comes through', async () => {
    await client.start()
    await client.signIn('Ada', '')
    await until('the first answer', () => client.view.asking)
    hub.socketless = false
    await until('the socket', () => client.view.link.state === 'open' && !client.view.asking)
    await caughtUp()
  })

  it('a socket that was on its way while HTTP was faster begins anew, and not from what is no longer known', async () => {
    hub.socketless = false
    await signedIn()
    hub.newJob('a.png')
    await caughtUp()
    const { session } = person.api
    let answer!: () => void
    const answered = new Promise<void>((resolve) => (answer = resolve))
    person.api.session = () => answered.then(() => session.call(person.api))
    hub.socketless = true
    hub.drop()
    const link = () => client.view.link
    await until('HTTP to be asked', () => link().state === 'waiting' && (link() as { attempt: number }).attempt >= 3)
    let open!: () => void
    hub.opening = new Promise((resolve) => (open = resolve))
    hub.socketless = false
    await until('the next socket', () => link().state === 'connecting')
    answer()
    await until('the answer', () => client.view.asking)
    const { id } = hub.newJob('b.png')
    open()
    await until('the job that was made meanwhile', () => job(id))
    await caughtUp()
  })

  it('a proxy that wants a sign-in of its own is told, until it lets the page through', async () => {
    await client.start()
    await client.signIn('Ada', '')
    const { session } = person.api
    person.api.session = () => Promise.reject(new Failure(signInOnTheWay, 'Sign in', '', 401))
    await until('the sign-in', () => client.view.barred && !client.view.asking)
    person.api.session = session
    await until('the answer', () => client.view.asking && !client.view.barred)
  })

  it('the end of the session is noticed', async () => {
    await client.start()
    await client.signIn('Ada', '')
    await until('the first answer', () => client.view.asking)
    await person.api.closeSession()
    await until('the end', () => phase() === 'ended')
  })
})

describe('files that have not arrived', () => {
  it('are held at the door, and by a session that ends, for the next one', async () => {
    await client.start()
    client.upload([pngFile('early.png', picture)], null)
    await client.signIn('Ada', '')
    expect(client.view.pending).toMatchObject([{ file: { name: 'early.png' }, state: 'held' }])
    await until('the socket', () => client.view.link.state === 'open')
    hub.drop(4401)
    await until('the end', () => phase() === 'ended')
    await person.api.createSession('Grace', '')
    await client.startAgain()
    client.decide(client.view.pending.map(({ id }) => id), settings)
    await until('the job', () => [...client.view.hub.jobs.values()][0]?.filename === 'early.png')
    expect(client.view.pending).toEqual([])
  })
})

describe('what is at the hub', () => {
  beforeEach(signedIn)

  it('is segmented again with another model, beside what was found before', async () => {
    const first = hub.newJob('a.png')
    await caughtUp()
    await client.again([first.image_id], 'other', {})
    await caughtUp()
    expect([...client.view.hub.jobs.values()].map(({ image_id, model }) => [image_id, model])).toEqual([[first.image_id, 'unet_test'], [first.image_id, 'other']])
  })

  it('is asked for until the hub has answered, be it with no', async () => {
    const answers = [new Failure('unreachable', 'Away', '', 0), new Failure('unavailable', 'Busy', '', 503)]
    const ask = async () => {
      const failure = answers.shift()
      if (failure) throw failure
      return 'here'
    }
    const back = until('it', () => client.persist(ask, () => true))
    await until('the first no', () => answers.length < 2)
    hub.drop(1001) // and back
    expect(await back).toBe('here')
    answers.push(new Failure('not_found', 'Gone', '', 404))
    await expect(client.persist(ask, () => true)).rejects.toThrow('Gone')
    answers.push(new Failure('unreachable', 'Away', '', 0))
    await expect(client.persist(ask, () => false)).rejects.toThrow('Away')
  })

  it('is forgotten when it is removed', async () => {
    const first = hub.newJob('a.png')
    hub.newJob('b.png')
    await caughtUp()
    await client.removeImages([first.image_id])
    await client.removeImages([first.image_id]) // as another tab does
    expect([...client.view.hub.jobs.values()].map(({ filename }) => filename)).toEqual(['b.png'])
  })

  it('is not shown while it is removed with others, and is back where that fails', async () => {
    const jobs = ['a.png', 'b.png', 'c.png'].map((name) => hub.newJob(name))
    await caughtUp()
    const shown = () => [...staying(client.view.hub.jobs, client.view.hub.leaving).values()].map(({ filename }) => filename)
    let answer = () => {}
    const held = new Promise<void>((resolve) => (answer = resolve))
    vi.spyOn(person.api, 'removeImage').mockImplementation(async (image) => {
      await held
      if (image === jobs[1]!.image_id) throw new Failure('unreachable', 'Away', '', 0)
    })
    const removed = client.removeImages(jobs.map(({ image_id }) => image_id))
    expect(shown()).toEqual([])
    answer()
    await expect(removed).rejects.toThrow('Away')
    expect(shown()).toEqual(['b.png'])
  })

  it('is forgotten when another tab removes it while it waits, and stays when one that was cancelled is calibrated', async () => {
    const [first, cancelled] = [hub.newJob('a.png'), hub.newJob('b.png')]
    await client.cancel([cancelled.id])
    await person.api.calibrate(cancelled.image_id, 0.25)
    await person.api.removeImage(first.image_id)
    await caughtUp()
    expect([...client.view.hub.jobs.values()].map(({ filename, state }) => [filename, state])).toEqual([['b.png', 'cancelled']])
  })

  it('is segmented again once, though the answer to the first time is lost', async () => {
    const made = hub.newJob('a.png')
    const again = () => client.again([made.image_id], 'other', {})
    hub.swallow = true
    await expect(again()).rejects.toThrow()
    await again()
    await caughtUp()
    expect(client.view.hub.jobs.size).toBe(2)
    await again()
    await caughtUp()
    expect(client.view.hub.jobs.size).toBe(3)
  })

  it('has the pixel size that is said in any tab', async () => {
    const [made, beside] = [hub.newJob('a.png'), hub.newJob('b.png')]
    await client.again([made.image_id], 'other', {})
    await person.api.calibrate(made.image_id, 0.25)
    await caughtUp()
    expect([...client.view.hub.jobs.values()].map(({ image_id, pixel_size }) => [image_id, pixel_size ?? null])).toEqual([
      [made.image_id, 0.25],
      [beside.image_id, null],
      [made.image_id, 0.25],
    ])
  })

  it('is corrected here, and the other tab has it without asking', async () => {
    const made = hub.newJob('a.png')
    hub.play(made)
    const other = page()
    await other.start()
    await until('the other tab', () => other.view.hub.jobs.get(made.id)?.state === 'done')
    await caughtUp()
    const [result] = [await client.result(made.id, 1), await other.result(made.id, 1)]
    const asked = hub.calls.length
    const after = await client.edit(result, [{ op: 'delete', ids: [2] }])
    expect([after.revision, after.objects.map(({ id }) => id)]).toEqual([2, [1, 3]])
    await until('the event', () => other.view.hub.jobs.get(made.id)?.revision === 2)
    expect((await other.result(made.id, 2)).summary.count).toBe(2)
    expect(hub.calls.slice(asked)).toEqual([`POST /api/v1/jobs/${made.id}/edits`])
  })
})

describe('the end of a session', () => {
  beforeEach(signedIn)

  it('by hand leads back to the door, with nothing left behind', async () => {
    hub.play(hub.newJob('a.png'))
    await caughtUp()
    await client.signOut()
    expect(client.view).toMatchObject({ phase: { name: 'signed_out' }, hub: { seq: null, session: null }, link: { state: 'idle' } })
    expect(client.view.hub.jobs.size).toBe(0)
  })

  it.each([
    [4404, 'closed'],
    [4401, 'unknown'],
    [4409, 'protocol'],
  ])('by close code %i is explained', async (code, why) => {
    hub.drop(code)
    await until('the end', () => phase() === 'ended')
    expect(client.view.phase).toMatchObject({ why })
  })

  it('in another window is noticed, and a new one is offered', async () => {
    await person.api.closeSession()
    await until('the end', () => phase() === 'ended')
    await client.startAgain()
    expect(phase()).toBe('signed_out')
  })

  it('that was missed leads to the one that another window has started since', async () => {
    const before = hub.newJob('old.png')
    await until('its job', () => job(before.id))
    await person.api.createSession('Grace', '') // as a window does while this one is asleep
    const grace = [...hub.members.values()][1]!
    for (const name of ['a.png', 'b.png', 'c.png']) hub.newJob(name, grace)
    hub.drop()
    await until('the new one', () => client.view.hub.jobs.size === 3)
    expect([client.view.hub.session?.name, job(before.id)]).toEqual(['Grace', undefined])
  })

  it('finds the session that another window has started since', async () => {
    await person.api.closeSession()
    await until('the end', () => phase() === 'ended')
    await person.api.createSession('Grace', '')
    await client.startAgain()
    await until('the new one', () => client.view.hub.session?.name === 'Grace')
  })
})

it('keeps asking a hub that does not answer yet', async () => {
  let answers = 0
  const { session } = person.api
  person.api.session = () => (++answers < 3 ? Promise.reject(new Failure('internal', 'Not yet', 'Models are being loaded.', 503)) : session.call(person.api))
  const started = client.start()
  await until('the words', () => client.view.phase.name === 'starting' && String(client.view.phase.trouble).includes('Models are being loaded.'))
  await started
  expect(phase()).toBe('signed_out')
})

describe('the models', () => {
  const other = { ...model, id: 'hrnet_test', title: 'HRNet' }
  const ids = () => client.view.models.map(({ id }) => id).join()

  beforeEach(async () => {
    client = page(5)
    await signedIn()
  })

  it('come, are replaced and go while the page is open', async () => {
    hub.models = [other, model]
    await until('the new one', () => ids() === 'hrnet_test,unet_test')
    hub.models = [other, { ...model, threshold: 0.4 }]
    await until('the one in its place', () => client.view.models[1]?.threshold === 0.4)
    hub.models = [other]
    await until('the one that is left', () => ids() === 'hrnet_test')
  })

  it('stay while the hub does not answer', async () => {
    const { models } = person.api
    let asked = 0
    person.api.models = () => (asked++, Promise.reject(new Failure('internal', 'Not now', '', 503)))
    await until('two questions', () => asked > 1)
    expect(ids()).toBe('unet_test')
    person.api.models = models
    hub.models = [other]
    await until('the new ones', () => ids() === 'hrnet_test')
  })

  it('are asked for no more when the session is over', async () => {
    await client.signOut()
    let asked = 0
    person.api.models = () => (asked++, Promise.resolve([]))
    person = new Person(hub)
    client = page(5)
    await signedIn()
    hub.models = [other]
    await until('another page to ask again', () => ids() === 'hrnet_test')
    expect(asked).toBe(0)
  })
})

it('asks for a result again after it could not be had', async () => {
  await signedIn()
  const made = hub.newJob('a.png')
  await expect(client.result(made.id)).rejects.toBeInstanceOf(Failure)
  hub.play(made)
  expect((await client.result(made.id)).summary.count).toBe(3)
  const calls = hub.calls.length
  await client.result(made.id)
  expect(hub.calls).toHaveLength(calls)
})

it('keeps results by their weight: of few objects many, of many few', async () => {
  await signedIn()
  const asked: string[] = []
  person.api.result = (id) => {
    asked.push(id)
    return Promise.resolve({ job: id, objects: Array(id.startsWith('dense') ? 30_000 : 3) } as unknown as Result)
  }
  for (const id of ['a', 'b', 'dense1', 'a', 'b', 'dense2', 'a', 'b', 'dense1']) await client.result(id)
  expect(asked).toEqual(['a', 'b', 'dense1', 'dense2', 'dense1'])
})
