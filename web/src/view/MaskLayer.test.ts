// @vitest-environment happy-dom
import { flushSync } from 'svelte'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { mounted, one, settle } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import { Api } from '../lib/api'
import type { Client } from '../lib/client'
import { Masks } from '../lib/masks'
import type { Overlay } from '../lib/overlay'
import type { Job } from '../lib/protocol'
import MaskLayer from './MaskLayer.svelte'

let open = 0 // pictures that are held in memory
let decoded: (() => void)[]

beforeEach(() => {
  open = 0
  decoded = []
  vi.stubGlobal('createImageBitmap', async () => {
    await new Promise<void>((resolve) => decoded.push(resolve))
    open++
    return { close: () => open-- }
  })
})
afterEach(() => vi.unstubAllGlobals())

const masks = new Masks(() => Promise.reject(new Error('none here')))
const piece = (y: number) => masks.receive({ type: 'mask', header: { type: 'mask', job_id: 'job1', image_id: 'image1', final: false, x: 0, y, width: 64, height: 16 }, png: new Uint8Array(3) })

async function decodeAll() {
  while (decoded.length > 0) {
    for (const done of decoded.splice(0)) done()
    await settle()
  }
}

function shown(overlay: { value: Overlay }) {
  mounted(MaskLayer, {
    client: { masks, persist: (ask: () => Promise<unknown>) => ask() } as unknown as Client, api: new Api(), result: null, opacity: 1, against: '',
    job: { id: 'job1', state: 'running', width: 64, height: 64 } as Job,
    get overlay() {
      return overlay.value
    },
  })
}

it('lets go of what it has decoded and does not draw any more', async () => {
  const overlay = reactive<Overlay>('mask')
  piece(0)
  shown(overlay)
  await settle()
  overlay.value = 'none'
  flushSync()
  await decodeAll()
  expect(open).toBe(0)
})

it('decodes for the newest piece alone, where they come faster than they can be drawn', async () => {
  masks.clear()
  const overlay = reactive<Overlay>('mask')
  shown(overlay)
  await settle()
  vi.spyOn(one<HTMLCanvasElement>('canvas'), 'getContext').mockReturnValue({ drawImage: vi.fn() } as never)
  vi.spyOn(document, 'createElement').mockReturnValue({ getContext: () => ({ drawImage: vi.fn(), getImageData: () => ({ data: [] }), putImageData: vi.fn() }) } as never)
  for (let i = 0; i < 10; i++) piece(i)
  await settle()
  const first = decoded.length
  await decodeAll()
  expect(first).toBe(1)
  expect(one('canvas').dataset.drawn).toBe('job1')
  expect(open).toBe(0)
  vi.restoreAllMocks()
})
