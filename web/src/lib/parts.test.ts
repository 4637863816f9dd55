import { expect, it, vi } from 'vitest'
import { partOf, type Page } from './parts'

const page = (html: string | Error) => ({
  script: './assets/index-a.js',
  fetch: vi.fn(async () => {
    if (html instanceof Error) throw html
    return new Response(html)
  }),
  reload: vi.fn(),
  wait: vi.fn(() => Promise.resolve()),
}) satisfies Page

/** A part that comes at the second try. */
const late = () => vi.fn(async () => 'part').mockRejectedValueOnce(new TypeError('Failed to fetch dynamically imported module'))

it.each([['is away', new TypeError('network')], ['is as it was', '<script src="./assets/index-a.js">']])('tries again for a part while the hub %s', async (_, html) => {
  const now = page(html)
  expect(await partOf(late(), () => true, now)).toBe('part')
  expect([now.reload.mock.calls.length, now.wait.mock.calls.length]).toEqual([0, 1])
})

it('loads the page anew where the hub was upgraded: its parts are gone', async () => {
  const now = page('<script src="./assets/index-b.js">')
  expect(await partOf(late(), () => true, now)).toBeNull()
  expect(now.reload).toHaveBeenCalledOnce()
})
