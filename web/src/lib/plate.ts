// A canvas that is painted for one view of a picture and lies in the picture: it reaches beyond the window, moves with the
// picture, and is painted anew when it no longer covers the window, or when the hand rests. So moving a picture paints nothing.

import type { Size, Viewport } from './viewport'

/** What a plate shows, and of what; it is painted anew when a part of content is another one. */
export interface Scene {
  window: Size
  view: Viewport
  content: readonly unknown[]
}

/** Paints the canvas, which reaches margin CSS pixels beyond the window on each side. */
export type Paint = (canvas: HTMLCanvasElement, window: Size, view: Viewport, margin: number) => void

const reach = 0.4 // of the window's shorter side
const furthest = 400 // CSS pixels: a large screen has a large canvas already
const slow = 8 // ms: what takes longer is not painted while the zoom changes
const rest = 90 // ms

export class Plate {
  private painted: (Scene & { margin: number }) | null = null
  private cost = 0 // ms of the last painting
  private resting: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** show puts the canvas where it belongs in the scene, and paints it where it must be. */
  show(canvas: HTMLCanvasElement, scene: Scene, paint: Paint): void {
    clearTimeout(this.resting)
    const { painted } = this
    const same = painted && painted.window.width === scene.window.width && painted.window.height === scene.window.height &&
      painted.content.every((part, index) => part === scene.content[index])
    const paintNow = () => this.paint(canvas, scene, paint)
    if (!painted || !same) return paintNow()
    if (painted.view.scale === scene.view.scale) {
      const away = Math.max(Math.abs(scene.view.x - painted.view.x), Math.abs(scene.view.y - painted.view.y))
      if (away > painted.margin) return paintNow()
      if (away > painted.margin / 2) this.resting = setTimeout(paintNow, rest)
    } else {
      if (this.cost <= slow) return paintNow()
      this.place(canvas, scene.view)
      this.resting = setTimeout(paintNow, rest)
    }
  }

  stop(): void {
    clearTimeout(this.resting)
  }

  private paint(canvas: HTMLCanvasElement, scene: Scene, paint: Paint): void {
    const margin = Math.round(Math.min(furthest, reach * Math.min(scene.window.width, scene.window.height)))
    const began = this.now()
    paint(canvas, scene.window, scene.view, margin)
    this.cost = this.now() - began
    this.painted = { ...scene, margin }
    canvas.style.width = `${scene.window.width + 2 * margin}px`
    canvas.style.height = `${scene.window.height + 2 * margin}px`
    this.place(canvas, scene.view)
  }

  /** In the picture's own box, whose corner the view moves: only zooming moves the canvas in it. */
  private place(canvas: HTMLCanvasElement, view: Viewport): void {
    const { view: then, margin } = this.painted!
    const ratio = view.scale / then.scale
    canvas.style.transform = `translate(${-(then.x + margin) * ratio}px, ${-(then.y + margin) * ratio}px) scale(${ratio})`
  }
}

/** aim has a canvas draw in pixels of the picture, as large as the window with its margin; ratio is device pixels a CSS pixel. */
export function aim(canvas: HTMLCanvasElement, window: Size, view: Viewport, margin: number, ratio: number): CanvasRenderingContext2D {
  const [width, height] = [Math.round((window.width + 2 * margin) * ratio), Math.round((window.height + 2 * margin) * ratio)]
  const context = canvas.getContext('2d')!
  context.setTransform(1, 0, 0, 1, 0, 0)
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width
    canvas.height = height
  } else context.clearRect(0, 0, width, height)
  const scale = view.scale * ratio
  context.setTransform(scale, 0, 0, scale, (view.x + margin) * ratio, (view.y + margin) * ratio)
  return context
}
