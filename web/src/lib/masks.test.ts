import { describe, expect, it, vi } from 'vitest'
import { Masks } from './masks'
import type { MaskFrame } from './protocol'

function frame(final: boolean, x = 0, bytes = 3): MaskFrame {
  const header = { type: 'mask' as const, ...(final ? { seq: 1 } : {}), job_id: 'j', image_id: 'i', final, x, y: 0, width: 4, height: 4 }
  return { type: 'mask', header, png: new Uint8Array(bytes) }
}

const missing = async (): Promise<Blob> => {
  throw new Error('the hub was asked')
}

describe('pieces', () => {
  it('add up until the whole replaces them', () => {
    const masks = new Masks(missing)
    masks.receive(frame(false, 0))
    masks.receive(frame(false, 4))
    expect(masks.known('j').map(({ at }) => at?.x)).toEqual([0, 4])
    masks.receive(frame(true))
    expect(masks.known('j').map(({ at }) => at)).toEqual([null])
    masks.receive(frame(false, 0))
    expect(masks.known('j')).toHaveLength(1)
  })

  it('wake those who watch, until they no longer do', () => {
    const masks = new Masks(missing)
    const wake = vi.fn()
    const unwatch = masks.watch('j', wake)
    masks.receive(frame(false))
    masks.receive(frame(true))
    expect(wake).toHaveBeenCalledTimes(2)
    unwatch()
    masks.receive(frame(true))
    expect(wake).toHaveBeenCalledTimes(2)
  })
})

describe('the whole mask', () => {
  it('is not asked for when it came over the socket', async () => {
    const masks = new Masks(missing)
    masks.receive(frame(true, 0, 5))
    expect((await masks.whole('j')).size).toBe(5)
  })

  it('is asked for once after a reload', async () => {
    const fetchMask = vi.fn(async () => new Blob(['mask']))
    const masks = new Masks(fetchMask)
    await Promise.all([masks.whole('j'), masks.whole('j')]) // by the picture and its thumbnail
    await masks.whole('j')
    expect(fetchMask).toHaveBeenCalledTimes(1)
  })

  it('is asked for when the socket had lost it', async () => {
    const masks = new Masks(async () => new Blob(['mask']))
    masks.receive(frame(true, 0, 0))
    expect(masks.known('j')).toEqual([])
    expect((await masks.whole('j')).size).toBe(4)
  })
})

it('that was asked for before a correction is not kept after it', async () => {
  const answers: ((png: Blob) => void)[] = []
  const masks = new Masks(() => new Promise((resolve) => answers.push(resolve)))
  const early = masks.whole('j')
  masks.forget('j')
  const late = masks.whole('j')
  answers[1]!(new Blob(['corrected']))
  await late
  answers[0]!(new Blob(['as it was']))
  await early
  expect(await (await masks.whole('j')).text()).toBe('corrected')
})
