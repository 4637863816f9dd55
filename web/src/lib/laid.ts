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

export interface Drawing {
  /** Draws on an empty canvas; false where there is nothing to be seen. */
  draw: (canvas: HTMLCanvasElement) => boolean
  /** What it holds in memory, whether it is drawn or not. */
  close: () => void
}

/** empty makes a canvas as large as what is laid over a picture may be, with nothing on it. */
export function empty(canvas: HTMLCanvasElement, size: Size): void {
  const scale = Math.min(1, side / Math.max(size.width, size.height))
  canvas.width = Math.max(1, Math.round(size.width * scale))
  canvas.height = Math.max(1, Math.round(size.height * scale))
}

/** drawingOf brings what is to be drawn. */
export async function drawingOf({ job, size, done, overlay, result, against }: Laid, masks: Masks, api: Pick<Api, 'probability'>): Promise<Drawing> {
  if (against && done) {
    return decoded(await Promise.all([masks.whole(job), masks.whole(against)]), (canvas, bitmaps) => {
      const [here, there] = bitmaps.map((bitmap) => pixelsOf(bitmap, canvas))
      difference(here!.data, there!.data)
      contextOf(canvas).putImageData(here!, 0, 0)
    })
  }
  if (overlay === 'none') return decoded([], () => undefined)
  if (overlay === 'probability' && done) {
    return decoded([await api.probability(job)], (canvas, [bitmap]) => {
      const pixels = pixelsOf(bitmap!, canvas)
      colourProbability(pixels.data)
      contextOf(canvas).putImageData(pixels, 0, 0)
    })
  }
  if (result) {
    const draw = (canvas: HTMLCanvasElement) => {
      fillObjects(canvas, result.objects, canvas.width / size.width, overlay === 'labels')
      return true
    }
    return { draw, close: () => undefined }
  }
  const pieces = done ? [{ png: await masks.whole(job), at: null }] : masks.known(job)
  return decoded(pieces.map(({ png }) => png), (canvas, bitmaps) => {
    const scale = canvas.width / size.width
    for (const [index, bitmap] of bitmaps.entries()) {
      const at = pieces[index]!.at ?? { x: 0, y: 0, ...size }
      const [width, height] = [Math.max(1, Math.round(at.width * scale)), Math.max(1, Math.round(at.height * scale))]
      contextOf(canvas).drawImage(tint(bitmap, width, height), Math.round(at.x * scale), Math.round(at.y * scale))
    }
  })
}

/** A drawing of pictures, which a browser holds in memory until they are closed. */
async function decoded(pictures: readonly Blob[], paint: (canvas: HTMLCanvasElement, bitmaps: readonly ImageBitmap[]) => void): Promise<Drawing> {
  const bitmaps = await Promise.all(pictures.map((blob) => createImageBitmap(blob)))
  const draw = (canvas: HTMLCanvasElement) => {
    paint(canvas, bitmaps)
    return bitmaps.length > 0
  }
  return { draw, close: () => bitmaps.forEach((bitmap) => bitmap.close()) }
}

function pixelsOf(bitmap: ImageBitmap, { width, height }: Size): ImageData {
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const context = contextOf(canvas)
  context.drawImage(bitmap, 0, 0, width, height)
  return context.getImageData(0, 0, width, height)
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  return canvas.getContext('2d', { willReadFrequently: true })!
}
