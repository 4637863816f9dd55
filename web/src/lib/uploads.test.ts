import { beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../test/until'
import { Failure, tooLargeOnTheWay, unreachable, type Upload, type Uploaded } from './api'
import type { Keep, Kept } from './keep'
import type { Job, Rejection } from './protocol'
import { lostWithPage, unreadable, Uploads, type Pending, type Settings } from './uploads'

const settings: Settings = { model: 'm', options: {} }

let requests: Upload[]
let answers: ((upload: Upload) => Uploaded | Promise<Uploaded>)[] // one for each request; taken when none is left
let accepted: string[]
let pending: readonly Pending[]
let waits: number[]
let uploads: Uploads
let store: Map<string, Kept>
let partly: (sent: (part: number) => void, signal: AbortSignal) => void

const taken = (upload: Upload): Uploaded => ({ accepted: upload.files.map(({ name }) => ({ id: name, image_id: name, filename: name }) as Job), rejected: [] })
const refusing =
  (failure: Failure) =>
  (): never => {
    throw failure
  }

/** The browser's store, as a map. */
const keep: Keep = {
  put: async (entries, stored) => {
    const owner = ({ key }: Kept) => store.get(key)?.owner ?? (stored.has(key) ? '' : 'here')
    for (const entry of entries) if (owner(entry) === 'here') store.set(entry.key, entry)
    return new Set(entries.filter((entry) => owner(entry) !== 'here').map(({ key }) => key))
  },
  remove: async (keys) => keys.forEach((key) => store.delete(key)),
  adopt: async () => [...store.values()],
}

beforeEach(() => {
  store = new Map()
  partly = (sent) => sent(0.5)
  requests = []
  answers = []
  accepted = []
  pending = []
  waits = []
  uploads = new Uploads({
    api: {
      upload: async (upload, sent, signal) => {
        requests.push(upload)
        partly(sent, signal)
        return (answers.shift() ?? taken)(upload)
      },
    },
    onChange: (list) => (pending = list),
    onAccepted: (jobs) => accepted.push(...jobs.map(({ id }) => id)),
    keep,
    tab: 'here',
    wait: async (ms) => void waits.push(ms),
  })
  uploads.belong('s1')
})

const file = (name: string, size = 1) => new File([new Uint8Array(size)], name)
const files = (count: number) => Array.from({ length: count }, (_, i) => file(`${i}.png`))
const settled = () => until('the end of the uploads', () => pending.every(({ state }) => state === 'refused' || state === 'failed'))

it('sends fewer at once where a proxy takes less than the hub, down to one', async () => {
  const limit = (upload: Upload): Uploaded => {
    if (upload.files.reduce((bytes, { size }) => bytes + size, 0) > 250) throw new Failure(tooLargeOnTheWay, '413', 'too much', 413)
    return taken(upload)
  }
  answers = Array.from({ length: 20 }, () => limit)
  uploads.add([...Array.from({ length: 8 }, (_, i) => file(`${i}.png`, 100)), file('huge.png', 300)], settings)
  await settled()
  expect(accepted).toEqual(Array.from({ length: 8 }, (_, i) => `${i}.png`))
  expect(pending).toMatchObject([{ state: 'refused', reason: 'too much' }])
  expect(requests.map(({ files }) => files.length)).toEqual([8, 4, 2, 2, 2, 2, 1])
})

it('sends everything, in small requests, in order', async () => {
  uploads.add(files(20), settings)
  await until('all', () => accepted.length === 20)
  expect(requests.map(({ files }) => files.length)).toEqual([8, 8, 4])
  expect(accepted).toEqual(files(20).map(({ name }) => name))
  expect(pending).toEqual([])
})

it('does not put much into one request', async () => {
  uploads.add([file('a', 40 << 20), file('b', 40 << 20), file('c', 1)], settings)
  await until('all', () => accepted.length === 3)
  expect(requests.map(({ files }) => files.map(({ name }) => name))).toEqual([['a'], ['b', 'c']])
})

it('sends nothing before the browser has written down that it leaves, or a reload would send it again as another', async () => {
  const writes: (() => void)[] = []
  const put = keep.put
  keep.put = (...asked) => new Promise((resolve) => writes.push(() => resolve(put(...asked))))
  answers = [() => new Promise(() => undefined)] // on its way for ever
  try {
    uploads.add(files(20), settings)
    await until('the store to be asked', () => writes.length === 2)
    expect([requests, lostWithPage(pending)]).toEqual([[], true])
    writes[0]!() // those that leave, though the rest is not stored yet
    await until('the first request', () => requests.length === 1)
    expect([...store.values()].map(({ batch }) => batch)).toEqual(Array(8).fill(requests[0]!.key))
    expect(lostWithPage(pending)).toBe(true)
    writes[1]!()
    await until('all to be kept', () => !lostWithPage(pending))
  } finally {
    keep.put = put
  }
})

it('keeps files in the order in which they were added', () => {
  uploads.add(files(20), null)
  expect(pending.map(({ key }) => key)).toEqual(pending.map(({ key }) => key).toSorted())
})

it('keeps files of different settings apart', async () => {
  uploads.add(files(2), settings)
  uploads.add(files(2), { model: 'other', options: { threshold: 0.7 } })
  await until('all', () => accepted.length === 4)
  expect(requests.map(({ model }) => model)).toEqual(['m', 'other'])
})

it('shows how much has been sent', async () => {
  let finish = (_: Uploaded) => {}
  answers = [() => new Promise((resolve) => (finish = resolve))]
  uploads.add(files(1), settings)
  await until('half of it', () => pending[0]?.sent === 0.5)
  expect(pending[0]?.state).toBe('sending')
  finish({ accepted: [], rejected: [] })
  await until('the end', () => pending.length === 0)
})

describe('what the hub does not take', () => {
  const rejection = (filename: string, detail = 'No image.'): Rejection => ({ filename, code: 'unsupported_format', detail })

  it('stays, with its reason, and holds up nothing else', async () => {
    answers = [() => ({ accepted: [{ id: 'a', filename: 'a.png' } as Job], rejected: [rejection('b.txt')] })]
    uploads.add([file('a.png'), file('b.txt')], settings)
    uploads.add([file('c.png')], { ...settings })
    await until('the next', () => accepted.includes('c.png'))
    expect(pending).toMatchObject([{ file: { name: 'b.txt' }, state: 'refused', reason: 'No image.' }])
  })

  it('stays when it was all of a request', async () => {
    answers = [refusing(new Failure('unsupported_format', '', 'No image.', 415, null, [rejection('a.txt', 'Words.'), rejection('b.txt', 'More words.')]))]
    uploads.add([file('a.txt'), file('b.txt')], settings)
    await settled()
    expect(pending.map(({ reason }) => reason)).toEqual(['Words.', 'More words.'])
  })

  it('is told apart when two have one name, or the hub cleans it', async () => {
    answers = [() => ({ accepted: [{ id: '2', filename: 'fine.png' } as Job], rejected: [rejection('odd.png', 'Cut.'), rejection('x.png', 'Empty.')] })]
    uploads.add([file('od\u0007d.png'), file('fine.png'), file('x.png')], settings)
    await settled()
    expect(pending.map(({ file, reason }) => [file.name, reason])).toEqual([['od\u0007d.png', 'Cut.'], ['x.png', 'Empty.']])
  })

  it('stays when the request itself was wrong', async () => {
    answers = [refusing(new Failure('unknown_model', 'Unknown model', 'There is no model m.', 400))]
    uploads.add(files(2), settings)
    await settled()
    expect(pending.map(({ state, reason }) => [state, reason])).toEqual(Array(2).fill(['refused', 'There is no model m.']))
  })
})

it.each(['rate_limited', 'queue_full', 'gpu_memory_exhausted', 'draining', 'timeout', 'unavailable'])('sends again after %s, as late as the hub says', async (code) => {
  answers = [refusing(new Failure(code, 'Not now', '', 503, 30_000)), refusing(new Failure(code, 'Not now', '', 503))]
  uploads.add(files(1), settings)
  await until('the third try', () => accepted.length === 1)
  expect(waits).toEqual([30_000, 5_000])
})

it('sends what did not move again under the same key, and waits twice as long each time: its way may be so slow', async () => {
  answers = [refusing(new Failure('timeout', '', '', 0)), refusing(new Failure('timeout', '', '', 0))]
  uploads.add(files(9), settings)
  await until('all', () => accepted.length === 9)
  expect(requests.map(({ patience }) => patience / requests[0]!.patience)).toEqual([1, 2, 4, 1])
  expect(new Set(requests.slice(0, 3).map(({ key }) => key)).size).toBe(1)
})

it('waits while the hub is away, and goes on by itself under the same key, so that nothing is taken twice', async () => {
  answers = [refusing(new Failure(unreachable, 'Away', '', 0)), refusing(new Failure('internal', 'Bad gateway', '', 502))]
  uploads.add(files(1), settings)
  await until('the third try', () => accepted.length === 1)
  expect(waits).toHaveLength(2)
  expect(new Set(requests.map(({ key }) => key)).size).toBe(1)
  expect(pending).toEqual([])
})

describe('a file that was moved or changed since it was chosen', () => {
  const lost = (name: string) => {
    const gone = file(name)
    gone.slice = () => ({ arrayBuffer: () => Promise.reject(new DOMException('gone', 'NotReadableError')) }) as unknown as Blob
    return gone
  }
  const broken = (upload: Upload): Uploaded => {
    if (upload.files.some(({ name }) => name === 'lost.png')) throw new Failure(unreachable, 'Away', '', 0)
    return taken(upload)
  }

  it('is refused when it cannot be sent, and holds up nothing else', async () => {
    answers = [broken, broken]
    uploads.add([file('a.png'), lost('lost.png'), file('b.png')], settings)
    await until('the others', () => accepted.length === 2)
    expect(pending).toMatchObject([{ file: { name: 'lost.png' }, state: 'refused', code: unreadable }])
    expect([waits, store.size]).toEqual([[], 0])
  })

  it('is refused when it cannot be kept, and the others are', async () => {
    const put = keep.put
    keep.put = (entries, stored) => (entries.some(({ file }) => file.name === 'lost.png') ? Promise.reject(new Error('the transaction was aborted')) : put(entries, stored))
    try {
      uploads.add([file('a.png'), lost('lost.png'), file('b.png')], null)
      await until('the others to be kept', () => store.size === 2)
      expect(pending.map(({ state }) => state)).toEqual(['held', 'refused', 'held'])
    } finally {
      keep.put = put
    }
  })
})

it('gives files back to the person when the hub fails at them again and again, and sends all of them once more', async () => {
  answers = Array.from({ length: 3 }, () => refusing(new Failure('internal', '', 'It broke.', 500)))
  uploads.add(files(2), settings)
  await settled()
  expect(pending.map(({ state, reason }) => [state, reason])).toEqual(Array(2).fill(['failed', 'It broke.']))
  uploads.retry(new Set(pending.map(({ id }) => id)))
  await until('them', () => accepted.length === 2)
  expect(requests.at(-1)?.key).not.toBe(requests[0]?.key)
})

it('sends no file twice after a lost answer because the hub shows its name otherwise', async () => {
  const shown = (filename: string) => ({ id: filename, image_id: filename, filename }) as Job
  answers = [refusing(new Failure(unreachable, '', '', 0)), () => ({ accepted: [shown('b.png'), shown('c.png')], rejected: [] })]
  uploads.add([file('a.png'), file('plate\\b.png'), file('c.png')], settings)
  await until('the missing one to be sent alone', () => requests.length === 3)
  expect(requests[2]!.files.map(({ name }) => name)).toEqual(['a.png'])
})

it('asks again for what a repeated request does not tell of', async () => {
  answers = [refusing(new Failure(unreachable, '', '', 0)), () => ({ accepted: [{ id: 'a', image_id: 'a', filename: 'a.png' } as Job], rejected: [] })]
  uploads.add([file('a.png'), file('b.txt')], settings)
  await until('the other', () => accepted.includes('b.txt'))
  expect(requests.map(({ files }) => files.length)).toEqual([2, 2, 1])
})

describe('what has not arrived', () => {
  /** As keep.adopt does. */
  function adopt(...entries: Kept[]) {
    for (const entry of entries) store.set(entry.key, entry)
    uploads.adopt(entries)
  }

  it('is kept until it has', async () => {
    let finish = (_: Uploaded) => {}
    answers = [() => new Promise((resolve) => (finish = resolve))]
    uploads.add(files(2), settings)
    await until('the request', () => requests.length === 1)
    expect([...store.values()].map(({ batch, session, model }) => [batch, session, model])).toEqual(Array(2).fill([requests[0]!.key, 's1', 'm']))
    finish({ accepted: [{ id: 'a', filename: '0.png' } as Job], rejected: [{ index: 1, filename: '1.png', code: 'corrupt_image', detail: 'Cut.' }] })
    await until('the end', () => pending.length === 1)
    expect([...store.values()].map(({ refused }) => refused)).toEqual(['Cut.']) // until it is dismissed
    uploads.remove(new Set(pending.map(({ id }) => id)))
    expect(store.size).toBe(0)
  })

  it('leaves again after a reload, together as before and under the same key', async () => {
    const entry = (name: string, batch: string): Kept => ({ key: name, owner: 'here', session: 's1', file: file(name), model: 'm', options: {}, batch, refused: '' })
    adopt(entry('a', 'one'), entry('b', 'one'), entry('c', ''))
    await until('all', () => accepted.length === 3)
    expect(requests.map(({ key, files }) => [key === 'one', files.map(({ name }) => name)])).toEqual([[true, ['a', 'b']], [false, ['c']]])
  })

  it('is left to another tab that has taken it over, while this one slept', async () => {
    let finish = (_: Uploaded) => {}
    answers = [() => new Promise((resolve) => (finish = resolve))]
    uploads.add(files(10), settings)
    await until('all to be kept', () => requests.length === 1 && !lostWithPage(pending))
    const [ninth, tenth] = [...store.values()].slice(8)
    store.set(ninth!.key, { ...ninth!, owner: 'there' })
    store.delete(tenth!.key) // has arrived from there
    finish(taken(requests[0]!))
    await until('the end', () => pending.length === 0)
    expect(requests).toHaveLength(1)
    expect(store.get(ninth!.key)?.owner).toBe('there')
  })

  it('is held where its session is over, until it is said what to do with it', async () => {
    adopt({ key: 'a', owner: 'here', session: 'gone', file: file('a'), model: 'm', options: {}, batch: 'one', refused: '' })
    expect(pending).toMatchObject([{ state: 'held', settings: null }])
    uploads.assign(new Set([pending[0]!.id]), settings)
    await until('it', () => accepted.length === 1)
    expect(requests[0]?.key).not.toBe('one')
  })
})

it('forgets what is removed before it leaves', async () => {
  let finish = (_: Uploaded) => {}
  answers = [() => new Promise((resolve) => (finish = resolve))]
  uploads.add(files(10), settings)
  await until('the first request', () => requests.length === 1)
  uploads.remove(new Set([pending[9]!.id]))
  uploads.remove(new Set([pending[0]!.id])) // is on its way
  expect(pending).toHaveLength(9)
  finish({ accepted: [], rejected: [] })
  await until('the end', () => pending.length === 0)
  expect(requests.map(({ files }) => files.length)).toEqual([8, 1])
})

it('breaks off what is on its way when all is stopped, but not what has left wholly', async () => {
  let [breakOff, finish] = [(_: Error) => {}, (_: Uploaded) => {}]
  partly = (sent, signal) => {
    sent(0.5)
    signal.addEventListener('abort', () => breakOff(new DOMException('aborted', 'AbortError')))
  }
  answers = [() => new Promise((_, reject) => (breakOff = reject)), () => new Promise((resolve) => (finish = resolve))]
  uploads.add(files(10), settings)
  uploads.add(files(1), null)
  await until('the first request', () => requests.length === 1)
  uploads.stop()
  expect(pending).toEqual([])

  partly = (sent) => sent(1)
  uploads.add(files(10), settings)
  await until('the next', () => requests.length === 2)
  const twice = [uploads.stop(), uploads.stop()]
  expect(pending).toHaveLength(8)
  finish({ accepted: [{ id: 'late', filename: '' } as Job], rejected: [] })
  expect((await Promise.all(twice)).flat().map(({ id }) => id)).toEqual(['late', 'late'])
  expect(pending).toEqual([])
})

it.each([tooLargeOnTheWay, 'unsupported_format'])('has nothing come of what was stopped and is not taken (%s)', async (code) => {
  let refuse = (_: Failure) => {}
  answers = [() => new Promise((_, reject) => (refuse = reject))]
  partly = (sent) => sent(1)
  uploads.add(files(2), settings)
  await until('the request', () => requests.length === 1)
  const stopped = uploads.stop()
  refuse(new Failure(code, '', '', 413))
  expect(await stopped).toEqual([])
  await settled()
  expect(requests).toHaveLength(1)
})

it('sends by the same name what had left when its session ended, unless it is parted', async () => {
  let breakOff = (_: Error) => {}
  partly = (sent, signal) => {
    sent(1)
    signal.addEventListener('abort', () => breakOff(new DOMException('aborted', 'AbortError')))
  }
  const never = () => new Promise<Uploaded>((_, reject) => (breakOff = reject))
  answers = [never, never]
  const heldBy = (key: string) => pending.filter(({ batch, state }) => batch === key && state === 'held')
  uploads.add(files(2), settings)
  await until('the first request', () => requests.length === 1)
  const [{ key }] = requests as [Upload]
  uploads.pause()
  expect(heldBy(key)).toHaveLength(2)
  uploads.belong('s2')
  uploads.assign(new Set(pending.map(({ id }) => id)), settings)
  await until('the second', () => requests.length === 2)
  expect(requests[1]).toMatchObject({ key, files: requests[0]!.files })

  uploads.pause()
  uploads.belong('s3')
  uploads.assign(new Set([pending[0]!.id]), settings)
  await until('the third', () => requests.length === 3)
  expect(requests[2]!.key).not.toBe(key)
})

it('forgets everything when the session is over, and begins anew after', async () => {
  let finish = (_: Uploaded) => {}
  answers = [() => new Promise((resolve) => (finish = resolve))]
  uploads.add(files(10), settings)
  await until('the first request', () => requests.length === 1)
  uploads.clear()
  uploads.add([file('next.png')], settings)
  finish({ accepted: [{ id: 'late', filename: '' } as Job], rejected: [] })
  await until('the next', () => accepted.length === 1)
  expect(accepted).toEqual(['next.png'])
})
