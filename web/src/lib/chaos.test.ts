// Whatever comes between the pages of a person and their hub: once it is over, all of them show what the hub has.

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { FakeHub } from '../../test/fakehub'
import { generator } from '../../test/random'
import { Page, type Weather } from '../../test/wires'
import { Client } from './client'
import { randomKey, type Keep, type Kept, type Tabs } from './keep'
import type { Job } from './protocol'

const settings = { model: 'unet_test', options: {} }
const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47])
const fine: Weather = { delay: () => 1, request: () => 'fine', socket: () => 'fine' }

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
  vi.setSystemTime(0)
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Two tabs of one browser, a hub, and the same person at a script that nothing befalls. */
class World {
  readonly hub = new FakeHub()
  readonly tabs: Tab[]
  readonly cookie = { value: '' }
  readonly store = new Map<string, Kept>() // the browser's
  readonly script: Page
  weather = fine
  private readonly wanted = new Set<string>() // names of files that must have become a job
  private readonly made = new Set<string>() // and of those that have
  private files = 0

  constructor(readonly random: () => number) {
    vi.spyOn(Math, 'random').mockImplementation(random)
    const { newJob } = this.hub
    this.hub.newJob = (name, ...rest) => (this.made.add(name), newJob.call(this.hub, name, ...rest))
    this.hub.maskOf = (job) => Buffer.from(maskOf(job))
    this.script = new Page(this.hub, this.cookie, fine)
    this.tabs = [new Tab(this), new Tab(this)]
  }

  /** Of the session that the cookie is of. */
  get member() {
    const member = this.hub.members.get(this.cookie.value.split('=')[1]!)
    return member?.open ? member : undefined
  }

  pick<T>(from: Iterable<T>): T | undefined {
    const all = [...from]
    return all[Math.floor(this.random() * all.length)]
  }

  tab(): Tab {
    return this.pick(this.tabs)!
  }

  job(...states: Job['state'][]): Job | undefined {
    return this.pick(this.member?.jobs.filter(({ state }) => states.length === 0 || states.includes(state)) ?? [])
  }

  /** A tenth is no image, and is refused. */
  file(): File {
    const name = `file${++this.files}.png`
    const image = this.random() < 0.9
    if (image) this.wanted.add(name)
    return new File([image ? png : 'words'], name)
  }

  giveUp(names: Iterable<string> = [...this.wanted]): void {
    for (const name of names) this.wanted.delete(name)
  }

  async pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms)
    for (let i = 0; i < 6; i++) await new Promise((resolve) => setImmediate(resolve)) // what is read from files takes no time of this clock
  }

  async expectAgreement(): Promise<void> {
    const { member, hub } = this
    const { id, state, slot, position } = member!.session
    for (const { client } of this.tabs) {
      const { view } = client
      expect(view).toMatchObject({
        phase: { name: 'live' }, link: { state: 'open' }, asking: false, barred: false, unkept: false,
        hub: { seq: member!.session.seq, lost: false, draining: false, session: { id, state, slot, position } },
      })
      expect(Object.fromEntries(view.hub.jobs)).toEqual(Object.fromEntries(member!.jobs.map((job) => [job.id, job])))
      expect(new Set(view.hub.progress.keys())).toEqual(new Set(member!.jobs.flatMap((job) => (job.state === 'running' ? [job.id] : []))))
      expect(view.pending.filter((pending) => pending.state !== 'refused')).toEqual([])
      for (const job of member!.jobs.filter((job) => job.state === 'done')) {
        const [mask, result, there] = [client.masks.whole(job.id), client.result(job.id, job.revision), this.script.api.result(job.id)]
        await this.pass(10)
        expect(await (await mask).text()).toBe(maskOf(job))
        expect((await result).objects).toEqual((await there).objects)
      }
    }
    const images = new Map(member!.jobs.map(({ image_id, filename }) => [image_id, filename]))
    const uploaded = [...images.values()].filter((name) => name.startsWith('file'))
    expect(uploaded, 'each once').toEqual([...new Set(uploaded)])
    expect([...this.wanted].filter((name) => !this.made.has(name)), 'lost').toEqual([])
    expect([...this.store.values()].filter(({ refused }) => !refused), 'still kept').toEqual([])
    expect(hub.members.size).toBeGreaterThan(0)
  }
}

class Tab {
  page!: Page
  client!: Client
  private own = ''
  private told!: Tabs

  constructor(private readonly world: World) {
    this.load()
  }

  /** load is for the first time, or anew. */
  load(): void {
    const { world } = this
    this.page?.leave()
    this.page = new Page(world.hub, world.cookie, {
      delay: () => world.weather.delay(),
      request: () => world.weather.request(),
      socket: () => world.weather.socket(),
    })
    this.own = `tab ${world.random()}`
    const tabs = (this.told = {
      own: this.own,
      heard: () => undefined,
      alive: async () => new Set(world.tabs.map(({ own }) => own)),
      tell: (session: string) => world.tabs.forEach(({ told }) => told !== tabs && setTimeout(() => told.heard(session), 1)),
    } as unknown as Tabs)
    this.client = new Client({
      api: this.page.api,
      socket: { url: '/api/v1/ws', WebSocket: this.page.WebSocket },
      onChange: () => undefined,
      keep: { store: keepIn(world.store), tabs },
    })
    void this.client.start()
  }

  /** A person does what the page asks for. */
  async goOn(): Promise<void> {
    const { client } = this
    if (client.view.phase.name === 'ended') await client.startAgain()
    if (client.view.phase.name === 'signed_out') await client.signIn('Ada', '').catch(() => undefined)
    client.decide(client.view.pending.map(({ id }) => id), settings)
  }

  shown(): Job | undefined {
    return this.world.pick(this.client.view.hub.jobs.values())
  }
}

function maskOf({ id, revision }: Job): string {
  return `the mask of ${id} in revision ${revision}`
}

function keepIn(store: Map<string, Kept>): Keep {
  return {
    put: async (entries, stored) => {
      const taken = entries.filter(({ key, owner }) => (store.has(key) ? store.get(key)!.owner !== owner : stored.has(key)))
      for (const entry of entries) if (!taken.includes(entry)) store.set(entry.key, entry)
      return new Set(taken.map(({ key }) => key))
    },
    remove: async (keys) => keys.forEach((key) => store.delete(key)),
    adopt: async (owner, alive) => {
      const found = [...store.values()].filter((entry) => !alive.has(entry.owner)).map((entry) => ({ ...entry, owner }))
      for (const entry of found) store.set(entry.key, entry)
      return found
    },
  }
}

const tried = (promise: Promise<unknown>) => void promise.catch(() => undefined)

/** What may come to pass, and how often. */
function happenings(world: World): Record<string, [share: number, happen: () => void]> {
  const { hub, script: { api }, pick } = world
  const withMember = (act: (member: NonNullable<World['member']>) => void) => () => {
    if (world.member) act(world.member)
  }
  const withJob = (act: (job: Job, member: NonNullable<World['member']>) => void, ...states: Job['state'][]) => () => {
    const job = world.job(...states)
    if (job) act(job, world.member!)
  }
  const withShown = (act: (tab: Tab, job: Job) => void) => () => {
    const tab = world.tab()
    const job = tab.shown()
    if (job) act(tab, job)
  }
  const correction = () => [{ op: 'delete' as const, ids: [pick.call(world, [1, 2, 3]) as number] }]
  /** The usual, or another of which each has its share. */
  const fate = <T>(usual: T, ...others: [T, number][]) => () => {
    let at = world.random()
    return others.find(([, share]) => (at -= share) < 0)?.[0] ?? usual
  }

  return {
    'a job is made': [6, withMember((member) => void hub.newJob('elsewhere.png', member))],
    'a job begins': [10, withJob((job, member) => void hub.setJob(job.id, { state: 'running', stage: 'decode', percent: 5 }, member), 'queued')],
    'a job goes on': [5, withJob((job, member) => hub.progress(job.id, 'infer', 50, member), 'running')],
    'a job is done': [10, withJob((job, member) => {
      hub.finalMask(job, hub.maskOf(job), member)
      hub.setJob(job.id, { state: 'done', percent: 100 }, member)
    }, 'running')],
    'a job fails': [2, withJob((job, member) => void hub.setJob(job.id, { state: 'failed' }, member), 'running')],
    'a job goes back': [1, withJob((job, member) => void hub.setJob(job.id, { state: 'queued', stage: '', percent: 0 }, member), 'running')],
    'the session waits': [3, withMember((member) => hub.setSession({ state: 'waiting', slot: null, position: 2 }, member))],
    'the session moves up': [2, withMember((member) => {
      if (member.session.state !== 'waiting') return
      member.session.position = 1
      hub.say({ type: 'position', position: 1, waiting: 1, eta_seconds: null }, member)
    })],
    'the session is active': [3, withMember((member) => hub.setSession({ state: 'active', slot: 0, position: null }, member))],

    'somebody deletes': [2, withJob((job) => (world.giveUp([job.filename]), tried(api.removeImage(job.image_id))))],
    'somebody cancels': [2, withJob((job) => tried(api.cancel(job.id)))],
    'somebody corrects': [6, withJob((job) => tried(api.edit(job.id, job.revision!, correction())), 'done')],
    'somebody calibrates': [2, withJob((job) => tried(api.calibrate(job.image_id, world.random())))],
    'somebody segments again': [2, withJob((job) => tried(api.again([job.image_id], 'other', {}, randomKey())))],
    'somebody leaves and begins anew': [0.5, () => {
      world.giveUp()
      tried(api.closeSession().then(() => api.createSession('Grace', '')))
    }],

    'an event is lost': [1, withMember((member) => {
      const sockets = [...member.sockets]
      member.sockets.clear()
      hub.newJob('lost.png', member)
      for (const socket of sockets) member.sockets.add(socket)
    })],
    'lines break': [8, withMember((member) => hub.drop(world.pick([undefined, 1001, 1011, 4408, 4429]), member))],
    'a line goes mute': [3, () => {
      const line = world.pick(world.tab().page.lines)
      if (line) line.mute = true
    }],
    'the hub drains': [1, withMember((member) => {
      hub.say({ type: 'draining', reconnect_after_ms: 3_000 }, member)
      hub.drop(1001, member)
    })],
    'the log is cut': [1, withMember((member) => hub.forget(member))],
    'the epoch changes': [1, withMember((member) => {
      hub.epoch += '+'
      hub.forget(member)
      const { session, jobs } = member
      hub.say({ type: 'snapshot', session, jobs: jobs.toReversed().slice(0, hub.snapshotJobs), seq: session.seq, epoch: hub.epoch }, member)
    })],
    'snapshots are short, or long': [1, () => void (hub.snapshotJobs = world.pick([1, 2, 3, 1_000])!)],
    'the session is not known any more': [0.3, withMember((member) => {
      world.giveUp()
      member.open = false
      hub.drop(4401, member)
    })],
    'an answer is lost': [2, () => void (hub.swallow = true)],
    'the weather changes': [12, () => {
      world.weather = {
        delay: world.pick([() => 1, () => 1 + 50 * world.random(), () => 1 + 3_000 * world.random() ** 3])!,
        request: world.pick<Weather['request']>([fine.request, fine.request, fate('fine', ['refused', 0.9]), fate('fine', ['busy', 0.3], ['unanswered', 0.2]), fate('fine', ['stuck', 0.3]), fate('fine', ['unanswered', 0.5])])!,
        socket: world.pick<Weather['socket']>([fine.socket, fate('refused'), fate('fine', ['refused', 0.7]), fate('fine', ['stuck', 0.6]), fate('mute'), fate('fine', ['mute', 0.5])])!,
      }
    }],

    'files are added': [8, () => world.tab().client.upload(Array.from({ length: 1 + Math.floor(world.random() * 3) }, () => world.file()), settings)],
    'a tab is loaded anew': [1, () => world.tab().load()],
    'a tab cancels all': [1, () => {
      const { client } = world.tab()
      world.giveUp(client.view.pending.map(({ file }) => file.name))
      tried(client.cancelAll())
    }],
    'a tab cancels': [2, withShown(({ client }, job) => tried(client.cancel([job.id])))],
    'a tab deletes': [2, withShown(({ client }, job) => (world.giveUp([job.filename]), tried(client.removeImages([job.image_id]))))],
    'a tab segments again': [2, withShown(({ client }, job) => tried(client.again([job.image_id], 'other', {})))],
    'a tab looks': [8, withShown(({ client }, job) => (tried(client.masks.whole(job.id)), tried(client.result(job.id, job.revision))))],
    'a tab corrects': [3, withShown(({ client }, job) => tried(client.result(job.id, job.revision).then((result) => client.edit(result, correction()))))],
    'a tab leaves': [0.5, () => {
      world.giveUp()
      tried(world.tab().client.signOut().finally(() => world.giveUp()))
    }],
    'a tab goes on': [3, () => void world.tab().goOn()],
    'a tab is told that the network is back': [1, () => world.tab().client.reconnect()],
  }
}

// Of these, some know each fault that was found this way; a hundred others are played by counting further.
it.each(Array.from({ length: 16 }, (_, i) => 12 + i))('all agree in the end (seed %i)', async (seed) => {
  const world = new World(generator(seed))
  const all = Object.entries(happenings(world))
  const shares = all.reduce((sum, [, [share]]) => sum + share, 0)
  const story: string[] = []
  await world.pass(10)
  void world.tabs[0]!.goOn()
  await world.pass(100)
  for (let i = 0; i < 100; i++) {
    let at = world.random() * shares
    const [name, [, happen]] = all.find(([, [share]]) => (at -= share) < 0)!
    story.push(`${Date.now()} ${name}`)
    happen()
    await world.pass(world.pick([0, 1, 20, 300, 2_000, 8_000])!)
  }
  world.weather = fine
  for (let i = 0; i < 20; i++) {
    for (const tab of world.tabs) {
      void tab.goOn()
      await world.pass(7_500)
    }
  }
  world.hub.newJob('last.png', world.member) // shows what was lost before
  await world.pass(1_000)
  await world.expectAgreement().catch((error) => {
    console.log(story.join('\n'))
    throw error
  })
})

it('a page whose sockets something on the way opens, but lets nothing through, asks by HTTP and says so', async () => {
  const world = new World(generator(1))
  world.weather = { ...fine, socket: () => 'mute' }
  const [{ client }] = world.tabs as [Tab]
  await world.pass(10)
  void world.tabs[0]!.goOn()
  await world.pass(60_000)
  for (let i = 0; i < 20; i++) {
    const { id } = world.hub.newJob(`${i}.png`)
    await world.pass(5_000)
    expect(client.view).toMatchObject({ asking: true, link: { state: expect.stringMatching('connecting|waiting') } })
    expect(client.view.hub.jobs.has(id)).toBe(true)
  }
})

it('a tab follows another one into the session that their cookie is of', async () => {
  const world = new World(generator(1))
  const [here, there] = world.tabs as [Tab, Tab]
  await world.pass(10)
  void here.goOn()
  await world.pass(100)
  tried(world.script.api.createSession('Grace', '')) // as a tab does that found none when it looked
  await world.pass(100)
  there.load()
  await world.pass(100)
  await world.expectAgreement()
  expect(here.client.view.hub.session?.name).toBe('Grace')
})
