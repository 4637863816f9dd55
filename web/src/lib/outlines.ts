// Outlines of objects as paths that are built once and drawn at the screen's own resolution. Paths are kept by squares of the
// picture, so that what is out of sight costs nothing, and in no more detail than the screen shows: a line costs by its corners.

import { aim } from './plate'
import type { Point, SegmentedObject } from './protocol'
import type { Size, Viewport } from './viewport'

export interface Square {
  box: [left: number, top: number, right: number, bottom: number] // in pixels of the picture
  objects: SegmentedObject[]
  /** As they were drawn last. */
  drawn: { path: Path2D; detail: number } | null
}

const across = 12 // squares along the longer side

/** squaresOf sorts objects by squares; an object belongs to that of its centre. */
export function squaresOf(objects: readonly SegmentedObject[], image: Size): Square[] {
  const side = Math.max(1, image.width, image.height) / across
  const squares = new Map<string, Square>()
  for (const object of objects) {
    const [left, top, width, height] = object.bbox
    const name = `${Math.floor((left + width / 2) / side)} ${Math.floor((top + height / 2) / side)}`
    let square = squares.get(name)
    if (!square) squares.set(name, (square = { box: [Infinity, Infinity, -Infinity, -Infinity], objects: [], drawn: null }))
    const { box } = square
    square.box = [Math.min(box[0], left), Math.min(box[1], top), Math.max(box[2], left + width), Math.max(box[3], top + height)]
    square.objects.push(object)
  }
  return [...squares.values()]
}

/** detailOf is how far corners lie apart at least, in pixels of the picture, where one of these is scale pixels of the screen; 0 is all corners. */
export function detailOf(scale: number): number {
  return scale >= 1 ? 0 : 2 ** Math.floor(Math.log2(1 / scale)) // few steps, as each is built anew
}

/** trace adds the rings of an object to a path, in pixels of the picture; what is smaller than the detail is a dash. */
export function trace(path: Pick<CanvasPath, 'moveTo' | 'lineTo' | 'closePath'>, { polygon, holes }: Pick<SegmentedObject, 'polygon' | 'holes'>, detail = 0): void {
  for (const ring of [polygon, ...holes]) {
    if (ring.length === 0) continue
    let [atX, atY] = ring[0]!
    path.moveTo(atX, atY)
    let corners = 1
    for (const [x, y] of ring) {
      if (Math.max(Math.abs(x - atX), Math.abs(y - atY)) < Math.max(detail, Number.MIN_VALUE)) continue
      path.lineTo(x, y)
      atX = x
      atY = y
      corners++
    }
    if (corners === 1) path.lineTo(...ring[ring.length >> 1]!)
    path.closePath()
  }
}

function pathOf(square: Square, detail: number): Path2D {
  if (square.drawn?.detail !== detail) {
    const path = new Path2D()
    for (const object of square.objects) trace(path, object, detail)
    square.drawn = { path, detail }
  }
  return square.drawn.path
}

function inSight([left, top, right, bottom]: Square['box'], view: Viewport, window: Size, margin: number): boolean {
  const { scale, x, y } = view
  return left * scale + x < window.width + margin && top * scale + y < window.height + margin && right * scale + x > -margin && bottom * scale + y > -margin
}

const quiet = '#7ff0dc'
const loud = '#ffd166' // stands out from the mask and from grey, for colour-blind eyes too
const under = 'rgb(0 0 0 / 55%)' // a dark edge keeps a light line visible on a light image

function line(context: CanvasRenderingContext2D, path: Path2D, width: number, colour: string, scale: number): void {
  context.lineJoin = 'round'
  context.lineWidth = (width + 1.5) / scale
  context.strokeStyle = under
  context.stroke(path)
  context.lineWidth = width / scale
  context.strokeStyle = colour
  context.stroke(path)
}

/** drawOutlines draws all objects that are in sight or less than margin CSS pixels beyond. */
export function drawOutlines(canvas: HTMLCanvasElement, window: Size, view: Viewport, squares: readonly Square[], margin: number, ratio: number): void {
  const context = aim(canvas, window, view, margin, ratio)
  const detail = detailOf(view.scale * ratio)
  for (const square of squares) {
    if (inSight(square.box, view, window, margin)) line(context, pathOf(square, detail), 1.25, quiet, view.scale)
  }
}

export interface Emphasis {
  hovered: SegmentedObject | null
  picked: SegmentedObject | null
  /** What is being drawn by hand, in pixels of the picture, and how thick; 0 is a thin line. */
  stroke: readonly Point[]
  radius: number
  /** Where a pen is that keys move. */
  pen: Point | null
}

/** drawEmphasis draws what stands out, and what a hand is drawing. */
export function drawEmphasis(canvas: HTMLCanvasElement, window: Size, view: Viewport, emphasis: Emphasis, margin: number, ratio: number): void {
  const { hovered, picked, stroke, radius, pen } = emphasis
  const context = aim(canvas, window, view, margin, ratio)
  for (const object of new Set([picked, hovered])) {
    if (!object) continue
    const path = new Path2D()
    trace(path, object)
    context.fillStyle = 'rgb(255 209 102 / 22%)'
    context.fill(path, 'evenodd')
    line(context, path, object === picked ? 2.5 : 2, loud, view.scale)
  }
  if (stroke.length > 0) {
    const path = new Path2D()
    stroke.forEach(([x, y], index) => (index === 0 ? path.moveTo(x, y) : path.lineTo(x, y)))
    if (stroke.length === 1) path.lineTo(stroke[0]![0], stroke[0]![1])
    context.lineCap = context.lineJoin = 'round'
    context.strokeStyle = radius > 0 ? 'rgb(255 209 102 / 60%)' : loud
    context.lineWidth = radius > 0 ? 2 * radius : 2.5 / view.scale
    context.stroke(path)
  }
  if (pen) line(context, penAt(pen, radius, 9 / view.scale), 2, loud, view.scale)
}

/** A ring as large as what the pen paints, and a cross where it is. */
function penAt([x, y]: Point, radius: number, arm: number): Path2D {
  const path = new Path2D()
  if (radius > 0) path.arc(x, y, radius, 0, 2 * Math.PI)
  for (const [dx, dy] of [[arm, 0], [0, arm]] as const) {
    path.moveTo(x - dx, y - dy)
    path.lineTo(x + dx, y + dy)
  }
  return path
}
