import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Thumbnails } from './thumbnails'

let open = 0

beforeEach(() => {
  open = 0
  vi.stubGlobal('createImageBitmap', async () => {
    open++
    return { width: 10, height: 10, close: () => open-- }
  })
})
afterEach(() => vi.unstubAllGlobals())

it('loads a few at a time, whenever they are asked for', async () => {
  const thumbnails = new Thumbnails()
  const loading: (() => void)[] = []
  let most = 0
  let now = 0
  const load = async () => {
    most = Math.max(most, ++now)
    await new Promise<void>((resolve) => loading.push(resolve))
    now--
    return new Blob()
  }
  const all: Promise<unknown>[] = []
  const get = (key: string) => all.push(thumbnails.get(key, load))
  for (let i = 0; i < 20; i++) get(`first ${i}`)
  for (let i = 0; all.length < 200 || loading.length > 0; i++) {
    // Rows come into sight at any moment, as when another's picture has just come.
    if (all.length < 200) void Promise.resolve().then(() => Promise.resolve().then(() => get(`later ${i}`)))
    for (const done of loading.splice(0)) done()
    for (let turn = 0; turn < i % 12; turn++) {
      await Promise.resolve()
      if (all.length < 200) get(`then ${i} ${turn}`)
    }
    await new Promise((resolve) => setTimeout(resolve))
  }
  await Promise.all(all)
  expect(most).toBe(3)
})

it('lets go of what it forgets', async () => {
  const thumbnails = new Thumbnails()
  for (let i = 0; i < 700; i++) await thumbnails.get(`${i}`, async () => new Blob())
  expect(open).toBe(600)
})
