import { afterEach, expect, it, vi } from 'vitest'
import { Failure } from './api'
import { levelFor, Tiles, tilesInSight } from './tiles'

it.each([
  [1, 0],
  [0.6, 0],
  [0.5, 1],
  [0.26, 1],
  [0.25, 2],
  [0.01, 4],
  [8, 0],
])('at %d screen pixels a pixel takes level %i of 5', (scale, level) => expect(levelFor(scale, 5)).toBe(level))

it('wants what the window shows, and no tile that there is not', () => {
  const image = { width: 3000, height: 1500 }
  const window = { width: 800, height: 400 }
  expect(tilesInSight(0, image, window, { scale: 1, x: -600, y: -1200 })).toEqual([{ level: 0, x: 1, y: 2 }, { level: 0, x: 2, y: 2 }])
  expect(tilesInSight(2, image, window, { scale: 0.25, x: 0, y: 0 }).map(({ x, y }) => [x, y])).toEqual([[0, 0], [1, 0]])
})

afterEach(() => vi.unstubAllGlobals())

it('wants again what the hub could not give for the moment, and not what there is not', async () => {
  vi.stubGlobal('createImageBitmap', async () => ({}))
  const failures: Record<string, Failure[]> = { busy: [new Failure('unavailable', '', '', 503)], none: [new Failure('not_found', '', '', 404)] }
  const asked: string[] = []
  const tiles = new Tiles(
    () => tiles.want(['busy', 'none']),
    async (url) => {
      asked.push(url)
      const failure = failures[url]?.shift()
      if (failure) throw failure
      return new Blob()
    },
    () => Promise.resolve(),
  )
  tiles.want(['busy', 'none'])
  await vi.waitFor(() => expect(tiles.get('busy')).toBeDefined())
  expect(asked).toEqual(['busy', 'none', 'busy'])
})

it('lets go of the tiles that have been out of sight for longest', async () => {
  const open = new Set<object>()
  vi.stubGlobal('createImageBitmap', async () => {
    const bitmap = { close: () => open.delete(bitmap) }
    open.add(bitmap)
    return bitmap
  })
  const tiles = new Tiles(() => undefined, async () => new Blob(), () => Promise.resolve())
  const urls = Array.from({ length: 400 }, (_, index) => `tile ${index}`)
  tiles.want(urls)
  await vi.waitFor(() => expect(tiles.get('tile 399')).toBeDefined(), 20_000)
  expect(tiles.get('tile 0')).toBeUndefined()
  expect(open.size).toBe(urls.filter((url) => tiles.get(url)).length)
  tiles.stop()
  expect(open.size).toBe(0)
})
