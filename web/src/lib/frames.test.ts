import { describe, expect, it } from 'vitest'
import { binary } from '../../test/fakehub'
import { generator } from '../../test/random'
import { FrameError, parseFrame } from './frames'
import type { MaskHeader } from './protocol'

const header: MaskHeader = { type: 'mask', seq: 7, job_id: 'j', image_id: 'i', final: true, x: 0, y: 0, width: 4, height: 3 }
const bytes = (data: Buffer<ArrayBuffer>): ArrayBuffer => new Uint8Array(data).buffer

describe('text frames', () => {
  it('are read by their type', () => {
    expect(parseFrame('{"type":"pong","id":1}')).toEqual({ type: 'pong', id: 1 })
  })

  it('of a type that a newer server sends are passed over', () => {
    expect(parseFrame('{"type":"weather","seq":3}')).toBeNull()
  })

  it.each([['not JSON'], ['[]'], ['null'], ['"welcome"'], ['{}'], ['{"type":7}']])('refuse %s', (text) => {
    expect(() => parseFrame(text)).toThrow(FrameError)
  })
})

describe('binary frames', () => {
  it('carry a header and a picture', () => {
    const frame = parseFrame(bytes(binary(header, new Uint8Array([1, 2, 3]))))
    expect(frame).toEqual({ type: 'mask', header, png: new Uint8Array([1, 2, 3]) })
  })

  it('may come without the picture', () => {
    const frame = parseFrame(bytes(binary(header, new Uint8Array())))
    expect(frame).toMatchObject({ header: { job_id: 'j' }, png: { byteLength: 0 } })
  })

  it('are tiles when they are not final, without a seq', () => {
    const { seq: _, ...tile } = { ...header, final: false, x: 512, y: 1024 }
    expect(parseFrame(bytes(binary(tile, new Uint8Array([9]))))).toMatchObject({ header: { final: false, x: 512, y: 1024 } })
  })

  it('read names beyond ASCII by bytes, not by characters', () => {
    const named = { ...header, job_id: 'Zellkörper-μ' }
    expect(parseFrame(bytes(binary(named, new Uint8Array([5]))))).toMatchObject({ header: named, png: new Uint8Array([5]) })
  })

  it.each<[string, Buffer<ArrayBuffer>]>([
    ['nothing', Buffer.alloc(0)],
    ['half a length', Buffer.alloc(3)],
    ['a header longer than the frame', Buffer.from([0, 0, 0, 200, 123, 125])],
    ['a header of 4 GiB', Buffer.from([255, 255, 255, 255, 123, 125])],
    ['a header that is not JSON', Buffer.from([0, 0, 0, 2, 123, 123])],
    ['a header that is not UTF-8', Buffer.from([0, 0, 0, 2, 0xc3, 0x28])],
    ['a header of another type', binary({ ...header, type: 'video' as 'mask' }, new Uint8Array())],
    ['a final mask without a seq', binary({ ...header, seq: undefined as unknown as number }, new Uint8Array())],
    ['a tile with a seq', binary({ ...header, final: false }, new Uint8Array())],
    ['a negative place', binary({ ...header, x: -1 }, new Uint8Array())],
    ['half a pixel', binary({ ...header, width: 0.5 }, new Uint8Array())],
  ])('refuse %s', (_, data) => {
    expect(() => parseFrame(bytes(data))).toThrow(FrameError)
  })
})

// Whatever arrives: a frame that keeps to the contract, or a FrameError; never another error, never half a header.
it('survives frames with any bytes changed, cut off or added', () => {
  const sound = binary(header, new Uint8Array([1, 2, 3, 4]))
  const random = generator(1)
  let refused = 0
  for (let round = 0; round < 3_000; round++) {
    const broken = Buffer.from(sound)
    for (let changes = 1 + random() * 3; changes > 0; changes--) broken[Math.floor(random() * broken.length)] = Math.floor(random() * 256)
    const cut = broken.subarray(0, random() < 0.3 ? Math.floor(random() * broken.length) : broken.length)
    try {
      const frame = parseFrame(bytes(cut as Buffer<ArrayBuffer>))
      if (frame?.type !== 'mask') throw new Error('a binary frame became something else')
      expect([typeof frame.header.job_id, typeof frame.header.image_id, frame.header.final]).toEqual(['string', 'string', true])
    } catch (error) {
      expect(error).toBeInstanceOf(FrameError)
      refused++
    }
  }
  expect(refused).toBeGreaterThan(1_000)
  expect(refused).toBeLessThan(3_000)
})
