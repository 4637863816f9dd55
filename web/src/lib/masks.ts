// The masks of jobs as PNG pieces: those that came over the socket, and those that a page asks for after a
// reload. A final mask replaces the tiles before it. The pictures are kept compressed and within a bound;
// what had to go is fetched again.

import { LRU } from './lru'
import type { MaskFrame } from './protocol'

export interface Piece {
  png: Blob
  /** Where it lies in the image, in pixels; null means that it covers the image. */
  at: { x: number; y: number; width: number; height: number } | null
}

const capacity = 64 << 20 // bytes of PNG

export class Masks {
  private readonly pieces = new LRU<string, readonly Piece[]>(capacity)
  private readonly asked = new Map<string, Promise<Blob>>() // by job; what comes of others was corrected meanwhile
  private readonly watchers = new Map<string, Set<() => void>>()

  constructor(private readonly fetchMask: (job: string) => Promise<Blob>) {}

  receive({ header, png }: MaskFrame): void {
    if (png.byteLength === 0) return // the hub has lost the picture; GET will say so
    const piece: Piece = {
      // A view would keep the whole frame alive; a Blob is a copy of its own.
      png: new Blob([png], { type: 'image/png' }),
      at: header.final ? null : { x: header.x, y: header.y, width: header.width, height: header.height },
    }
    const before = header.final ? [] : (this.pieces.get(header.job_id) ?? [])
    if (!header.final && before.some(({ at }) => at === null)) return // a tile that comes after the whole
    this.store(header.job_id, [...before, piece])
    for (const wake of this.watchers.get(header.job_id) ?? []) wake()
  }

  /** known are the pieces at hand, without asking the hub. */
  known(job: string): readonly Piece[] {
    return this.pieces.get(job) ?? []
  }

  /** whole is the final mask of a job that is done. */
  async whole(job: string): Promise<Blob> {
    const final = this.known(job).find(({ at }) => at === null)
    if (final) return final.png
    const asked = this.asked.get(job) ?? this.fetchMask(job)
    this.asked.set(job, asked)
    const isNewest = () => this.asked.get(job) === asked
    try {
      const png = await asked
      if (isNewest()) this.store(job, [{ png, at: null }])
      return png
    } finally {
      if (isNewest()) this.asked.delete(job)
    }
  }

  /** watch calls wake when a piece of the job's mask arrives; the result ends it. */
  watch(job: string, wake: () => void): () => void {
    const watchers = this.watchers.get(job) ?? new Set()
    this.watchers.set(job, watchers.add(wake))
    return () => {
      watchers.delete(wake)
      if (watchers.size === 0 && this.watchers.get(job) === watchers) this.watchers.delete(job)
    }
  }

  /** forget has the mask of a job asked for again: it was corrected. */
  forget(job: string): void {
    this.asked.delete(job)
    this.pieces.delete(job)
  }

  clear(): void {
    this.asked.clear()
    this.pieces.clear()
  }

  private store(job: string, pieces: readonly Piece[]): void {
    const weight = pieces.reduce((sum, { png }) => sum + png.size, 0)
    this.pieces.set(job, pieces, weight)
  }
}
