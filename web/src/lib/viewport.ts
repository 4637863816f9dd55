// Which part of an image a window shows. screen = image * scale + offset, in CSS pixels of the window.

export interface Size {
  width: number
  height: number
}

export interface Viewport {
  scale: number // CSS pixels an image pixel
  x: number // of the image's left edge
  y: number // of its top edge
}

const margin = 0.96 // of the window that a fitted image fills
const maxScale = 24 // CSS pixels an image pixel: single pixels can be counted
const smallFit = 8 // a small image is not blown up beyond this
const beyond = 64 // CSS pixels that a zoomed image moves past an edge: what lies under the zoom's buttons can be drawn on

/** fit shows the whole image, in the middle. */
export function fit(image: Size, window: Size): Viewport {
  const scale = Math.min(smallFit, (window.width / image.width) * margin, (window.height / image.height) * margin)
  return center(image, window, Math.max(scale, 1e-6))
}

/** zoom changes the scale by factor and keeps the point under (x, y) where it is. */
export function zoom(view: Viewport, factor: number, x: number, y: number, image: Size, window: Size): Viewport {
  const scale = limit(view.scale * factor, image, window)
  const ratio = scale / view.scale
  return hold({ scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio }, image, window)
}

/** limit holds a scale between that of the whole image and that at which single pixels can be counted. */
export function limit(scale: number, image: Size, window: Size): number {
  const smallest = fit(image, window).scale
  return Math.min(Math.max(scale, smallest), Math.max(maxScale, smallest))
}

export function pan(view: Viewport, dx: number, dy: number, image: Size, window: Size): Viewport {
  return hold({ ...view, x: view.x + dx, y: view.y + dy }, image, window)
}

/** show moves as little as needed for a box of the image to be in the window. */
export function show(view: Viewport, box: readonly [number, number, number, number], image: Size, window: Size): Viewport {
  const [left, top, width, height] = box
  return hold(
    {
      scale: view.scale,
      x: nudge(view.x, left * view.scale, width * view.scale, window.width),
      y: nudge(view.y, top * view.scale, height * view.scale, window.height),
    },
    image,
    window,
  )
}

export function toImage(view: Viewport, x: number, y: number): [number, number] {
  return [(x - view.x) / view.scale, (y - view.y) / view.scale]
}

function nudge(offset: number, start: number, length: number, window: number): number {
  if (length > window) return (window - length) / 2 - start
  if (offset + start < 0) return -start
  if (offset + start + length > window) return window - start - length
  return offset
}

function center(image: Size, window: Size, scale: number): Viewport {
  return { scale, x: (window.width - image.width * scale) / 2, y: (window.height - image.height * scale) / 2 }
}

/** hold keeps the image in the window: centred where it is smaller, with little of a gap at its edges where it is larger. */
export function hold(view: Viewport, image: Size, window: Size): Viewport {
  const middle = center(image, window, view.scale)
  return {
    scale: view.scale,
    x: middle.x >= 0 ? middle.x : Math.min(beyond, Math.max(view.x, 2 * middle.x - beyond)),
    y: middle.y >= 0 ? middle.y : Math.min(beyond, Math.max(view.y, 2 * middle.y - beyond)),
  }
}
