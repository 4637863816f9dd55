// @vitest-environment happy-dom
import { flushSync } from 'svelte'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { all, leave, mounted, one } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import { Api } from '../lib/api'
import type { Camera } from '../lib/camera'
import type { Client } from '../lib/client'
import { Masks } from '../lib/masks'
import type { Job, Result, SegmentedObject } from '../lib/protocol'
import Viewer from './Viewer.svelte'

beforeEach(() => {
  for (const side of ['clientWidth', 'clientHeight'] as const) vi.spyOn(HTMLElement.prototype, side, 'get').mockReturnValue(400)
  const drawsNothing = new Proxy({}, { get: () => () => undefined, set: () => true })
  vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(drawsNothing as never)
  vi.stubGlobal('Path2D', function Path2D() {
    return drawsNothing
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

const body = (area: number) => ({ id: 1, polygon: [[0, 0], [900, 0], [900, 900], [0, 900]], holes: [], bbox: [0, 0, 900, 900], area, centroid: [450, 450] }) as unknown as SegmentedObject
const found = (area: number) => ({ job: 'job1', objects: [body(area)] }) as unknown as Result

const shown = {
  client: { masks: new Masks(() => Promise.reject(new Error('none here'))), persist: (ask: () => Promise<unknown>) => ask() } as unknown as Client, api: new Api(),
  job: { id: 'job1', image_id: 'image1', filename: 'a.png', state: 'done', width: 1000, height: 1000 } as Job,
  look: { page: 0 }, overlay: 'none' as const, opacity: 1, outlines: false, pixelSize: null, hovered: null, result: null, picked: null, camera: null,
}

it('brings what is picked into sight once, and not with each correction of it', () => {
  const [camera, picked, result] = [reactive<Camera | null>({ scale: 4, x: 0.05, y: 0.05 }), reactive<number | null>(null), reactive(found(1))]
  mounted(Viewer, {
    ...shown,
    get result() {
      return result.value
    },
    get picked() {
      return picked.value
    },
    get camera() {
      return camera.value
    },
    set camera(next) {
      camera.value = next
    },
  })
  picked.value = 1
  flushSync()
  expect(camera.value!.x).toBeCloseTo(0.45) // the middle of what is larger than the window
  const edge = { scale: 4, x: 0.9, y: 0.45 }
  camera.value = edge
  flushSync()
  result.value = found(2) // a stroke at its edge
  flushSync()
  expect(camera.value).toEqual(edge)
})

it('says so for as long as the picture of another page is below what was found in this one', () => {
  const look = reactive({ page: 0 })
  mounted(Viewer, {
    ...shown,
    get look() {
      return look.value
    },
  })
  const load = () => {
    one('img').dispatchEvent(new Event('load'))
    flushSync()
  }
  expect(all('.none')).toHaveLength(1)
  load()
  expect(all('.none')).toHaveLength(0)
  look.value = { page: 1 }
  flushSync()
  expect(all('.none')).toHaveLength(1)
  load()
  expect(all('.none')).toHaveLength(0)
})

it('asks no longer for a picture that has not come once it has been left', () => {
  const asked: (() => boolean)[] = []
  const persist = (_: () => Promise<unknown>, wanted: () => boolean) => {
    asked.push(wanted)
    return new Promise(() => undefined)
  }
  const viewer = mounted(Viewer, { ...shown, client: { ...shown.client, persist } as unknown as Client })
  one('img').dispatchEvent(new Event('error'))
  const wanted = () => asked.map((each) => each())
  expect(wanted()).toContain(true)
  leave(viewer)
  expect(wanted()).not.toContain(true)
})

it('shows how much a brush paints where the mouse is, before it is pressed', () => {
  const pen = reactive<{ radius: number } | null>({ radius: 6 })
  const camera = reactive<Camera | null>({ scale: 4, x: 0.5, y: 0.5 })
  mounted(Viewer, {
    ...shown,
    get pen() {
      return pen.value
    },
    get camera() {
      return camera.value
    },
  })
  const move = (onto: string, pointerType: string) => {
    one(onto).dispatchEvent(new PointerEvent('pointermove', { bubbles: true, pointerId: 1, pointerType, clientX: 120, clientY: 80 }))
    flushSync()
    return all('.ring').map(({ style: { width, left, top } }) => [width, left, top])
  }
  expect(move('.stage', 'touch')).toEqual([])
  expect(move('.stage', 'mouse')).toEqual([['48px', '120px', '80px']]) // 12 pixels of the picture, four times as large
  camera.value = { scale: 8, x: 0.5, y: 0.5 }
  flushSync()
  expect(one<HTMLElement>('.ring').style.width).toBe('96px')
  expect(move('.stage button', 'mouse')).toEqual([])
  expect(move('.stage', 'pen')).toHaveLength(1)
  pen.value = { radius: 0 } // one that splits
  flushSync()
  expect(all('.ring')).toEqual([])
  pen.value = { radius: 6 }
  one('.stage').dispatchEvent(new PointerEvent('pointerleave'))
  flushSync()
  expect(all('.ring')).toEqual([])
})
