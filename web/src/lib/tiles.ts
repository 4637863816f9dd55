// Deep zoom: pieces of a picture at the resolution that the screen shows, from the hub, over the preview.
// Level 0 is the picture itself, each next level half as large; a tile is a square of tileSide pixels of its level.

import { isPassing } from './api'
import { LRU } from './lru'
import { aim } from './plate'
import type { Size, Viewport } from './viewport'

const tileSide = 512 // pixels
const kept = 160 // tiles, 1 MiB each
const atOnce = 6

export interface Tile {
  level: number
  x: number
  y: number
}

/** levelFor is the coarsest level that is as fine as the screen; scale is screen pixels a pixel of the picture. */
export function levelFor(scale: number, levels: number): number {
  return Math.max(0, Math.min(levels - 1, Math.floor(Math.log2(1 / scale) + 1e-9)))
}

/** tilesInSight are those of a level that a window shows. */
export function tilesInSight(level: number, image: Size, window: Size, view: Viewport): Tile[] {
  const side = tileSide * 2 ** level // pixels of the picture
  const clamp = (at: number, most: number) => Math.max(0, Math.min(Math.ceil(most / side) - 1, Math.floor(at / side)))
  const [left, right] = [-view.x / view.scale, (window.width - view.x) / view.scale].map((at) => clamp(at, image.width))
  const [top, bottom] = [-view.y / view.scale, (window.height - view.y) / view.scale].map((at) => clamp(at, image.height))
  const tiles: Tile[] = []
  for (let y = top!; y <= bottom!; y++) for (let x = left!; x <= right!; x++) tiles.push({ level, x, y })
  return tiles
}

/** Tiles that have come, and those under way: the newest wish first, what is no longer wanted not at all. */
export class Tiles {
  private readonly ready = new LRU<string, ImageBitmap>(kept, (bitmap) => bitmap.close())
  private readonly coming = new Set<string>()
  private readonly missing = new Set<string>()
  private wanted: string[] = []

  /** came is called when there is more to draw, or to want: what the hub could not give once back has resolved. */
  constructor(
    private readonly came: () => void,
    private readonly fetch: (url: string) => Promise<Blob>,
    private readonly back: () => Promise<void>,
  ) {}

  get(url: string): ImageBitmap | undefined {
    return this.ready.get(url)
  }

  want(urls: readonly string[]): void {
    this.wanted = urls.filter((url) => !this.coming.has(url) && !this.missing.has(url) && !this.ready.get(url))
    this.next()
  }

  /** stop wants no more, and lets go of what there is. */
  stop(): void {
    this.wanted = []
    this.ready.clear()
  }

  private next(): void {
    while (this.coming.size < atOnce) {
      const url = this.wanted.shift()
      if (url === undefined) return
      this.coming.add(url)
      void this.load(url).then((later) => {
        this.coming.delete(url)
        this.next()
        if (later) void this.back().then(() => this.wantAgain(url))
      })
    }
  }

  private wantAgain(url: string): void {
    this.missing.delete(url)
    this.came()
  }

  /** True where the hub could not give it for the moment. */
  private async load(url: string): Promise<boolean> {
    try {
      this.ready.set(url, await createImageBitmap(await this.fetch(url)))
      this.came()
      return false
    } catch (error) {
      this.missing.add(url) // the preview below it stays
      return isPassing(error)
    }
  }
}

export interface Deep {
  tiles: Tiles
  image: Size
  url: (tile: Tile) => string
}

/** drawTiles draws what there is of the finest level that the screen can show, over what there is of the coarser. */
export function drawTiles(canvas: HTMLCanvasElement, window: Size, view: Viewport, { tiles, image, url }: Deep, margin: number, ratio: number): void {
  const context = aim(canvas, window, view, margin, ratio)
  context.imageSmoothingEnabled = view.scale <= 4
  const levels = 1 + Math.max(0, Math.ceil(Math.log2(Math.max(image.width, image.height) / tileSide)))
  const level = levelFor(view.scale * ratio, levels)
  const wide = { width: window.width + 2 * margin, height: window.height + 2 * margin }
  const there = { ...view, x: view.x + margin, y: view.y + margin }
  for (const each of [level + 1, level]) {
    if (each >= levels) continue
    for (const tile of tilesInSight(each, image, wide, there)) {
      const bitmap = tiles.get(url(tile))
      const scale = 2 ** each // pixels of the picture a pixel of the tile
      if (bitmap) context.drawImage(bitmap, tile.x * tileSide * scale, tile.y * tileSide * scale, bitmap.width * scale, bitmap.height * scale)
    }
  }
  const wanted = [...tilesInSight(level, image, window, view), ...tilesInSight(level, image, wide, there)] // what is in sight first
  tiles.want([...new Set(wanted.map(url))])
}
