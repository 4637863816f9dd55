// Small pictures of many images. A preview may be large; it is decoded, shrunk and let go, a few at a time, so
// that a hundred images cost no more than their thumbnails.

import { LRU } from './lru'

export const thumbnailSide = 112 // pixels, twice what the list shows

const capacity = 600
const atOnce = 3

export class Thumbnails {
  private readonly ready = new LRU<string, ImageBitmap>(capacity, (bitmap) => bitmap.close())
  private readonly coming = new Map<string, Promise<ImageBitmap>>()
  private free = atOnce
  private readonly line: (() => void)[] = []

  /** get is the small picture of key; load brings the large one and is called when it is its turn. */
  async get(key: string, load: () => Promise<Blob>): Promise<ImageBitmap> {
    const ready = this.ready.get(key)
    if (ready) return ready
    const coming = this.coming.get(key) ?? this.make(key, load)
    this.coming.set(key, coming)
    return coming
  }

  private async make(key: string, load: () => Promise<Blob>): Promise<ImageBitmap> {
    await this.turn()
    try {
      const bitmap = await shrink(await load())
      this.ready.set(key, bitmap)
      return bitmap
    } finally {
      this.coming.delete(key)
      const next = this.line.pop() // the newest first: it is what is on the screen
      if (next) next()
      else this.free++
    }
  }

  private async turn(): Promise<void> {
    if (this.free > 0) this.free--
    else await new Promise<void>((resolve) => this.line.push(resolve)) // for the turn of another
  }
}

async function shrink(blob: Blob): Promise<ImageBitmap> {
  const whole = await createImageBitmap(blob)
  const scale = Math.min(1, thumbnailSide / Math.max(whole.width, whole.height))
  const resizeWidth = Math.max(1, Math.round(whole.width * scale))
  const resizeHeight = Math.max(1, Math.round(whole.height * scale))
  const small = await createImageBitmap(whole, { resizeWidth, resizeHeight, resizeQuality: 'medium' })
  whole.close()
  return small
}
