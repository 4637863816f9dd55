// What is laid over the picture of a job, as pixels of a canvas: the pieces of the mask as they come, and what was found when the
// job is done.

import type { Api } from './api'
import type { Masks } from './masks'
import { colourProbability, difference, fillObjects, type Overlay } from './overlay'
import type { Result } from './protocol'
import { tint } from './tint'
import type { Size } from './viewport'

const side = 4096 // pixels: more than a screen shows, less than a canvas may have

export interface Laid {
  job: string
  size: Size // of the picture
  done: boolean
  overlay: Overlay
  result: Result | null
  /** Another job of the same picture, to tell the two masks apart; '' is none. */
  against: string
}

/** Draws on an empty canvas; false where there is nothing to be seen. */
export type Draw = (canvas: HTMLCanvasElement) => boolean

/** empty makes a canvas as large as what is laid over a picture may be, with nothing on it. */
export function empty(canvas: HTMLCanvasElement, size: Size): void {
  const scale = Math.min(1, side / Math.max(size.width, size.height))
  canvas.width = Math.max(1, Math.round(size.width * scale))
  canvas.height = Math.max(1, Math.round(size.height * scale))
}

/** drawingOf brings what is to be drawn. */
export async function drawingOf({ job, size, done, overlay, result, against }: Laid, masks: Masks, api: Pick<Api, 'probability'>): Promise<Draw> {
  if (against && done) return differenceOf(await Promise.all([masks.whole(job), masks.whole(against)]))
  if (overlay === 'none') return () => false
  if (overlay === 'probability' && done) return probabilityOf(await api.probability(job))
  if (result) {
    return (canvas) => {
      fillObjects(canvas, result.objects, canvas.width / size.width, overlay === 'labels')
      return true
    }
  }
  const pieces = done ? [{ png: await masks.whole(job), at: null }] : masks.known(job)
  const pictures = await Promise.all(pieces.map(async ({ png, at }) => ({ at: at ?? { x: 0, y: 0, ...size }, bitmap: await createImageBitmap(png) })))
  return (canvas) => {
    const scale = canvas.width / size.width
    const context = contextOf(canvas)
    for (const { at, bitmap } of pictures) {
      const [width, height] = [Math.max(1, Math.round(at.width * scale)), Math.max(1, Math.round(at.height * scale))]
      context.drawImage(tint(bitmap, width, height), Math.round(at.x * scale), Math.round(at.y * scale))
      bitmap.close()
    }
    return pictures.length > 0
  }
}

async function differenceOf(masks: readonly Blob[]): Promise<Draw> {
  const bitmaps = await Promise.all(masks.map((blob) => createImageBitmap(blob)))
  return (canvas) => {
    const [here, there] = bitmaps.map((bitmap) => pixelsOf(bitmap, canvas))
    difference(here!.data, there!.data)
    contextOf(canvas).putImageData(here!, 0, 0)
    return true
  }
}

async function probabilityOf(png: Blob): Promise<Draw> {
  const bitmap = await createImageBitmap(png)
  return (canvas) => {
    const pixels = pixelsOf(bitmap, canvas)
    colourProbability(pixels.data)
    contextOf(canvas).putImageData(pixels, 0, 0)
    return true
  }
}

function pixelsOf(bitmap: ImageBitmap, { width, height }: Size): ImageData {
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const context = contextOf(canvas)
  context.drawImage(bitmap, 0, 0, width, height)
  bitmap.close()
  return context.getImageData(0, 0, width, height)
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  return canvas.getContext('2d', { willReadFrequently: true })!
}
