// Draws the outlines of objects over an image, at the screen's own resolution, so that they stay fine at
// every zoom.

import type { SegmentedObject } from './protocol'
import type { Size, Viewport } from './viewport'

export interface Emphasis {
  all: boolean // draw every object, not only those that stand out
  hovered: number | null // object id
  picked: number | null // object id
}

const quiet = '#7ff0dc'
const loud = '#ffd166' // stands out from the mask and from grey, for colour-blind eyes too
const under = 'rgb(0 0 0 / 55%)' // a dark edge keeps a light line visible on a light image

export function drawOutlines(
  canvas: HTMLCanvasElement,
  window: Size,
  view: Viewport,
  objects: readonly SegmentedObject[],
  emphasis: Emphasis,
  pixelRatio: number,
): void {
  canvas.width = Math.round(window.width * pixelRatio)
  canvas.height = Math.round(window.height * pixelRatio)
  const context = canvas.getContext('2d')!
  context.scale(pixelRatio, pixelRatio)
  context.lineJoin = 'round'

  const stroke = (path: Path2D, width: number, colour: string) => {
    context.lineWidth = width + 1.5
    context.strokeStyle = under
    context.stroke(path)
    context.lineWidth = width
    context.strokeStyle = colour
    context.stroke(path)
  }
  if (emphasis.all) {
    const visible = objects.filter((object) => inSight(object, view, window))
    stroke(pathOf(visible, view), 1.25, quiet)
  }
  for (const id of new Set([emphasis.picked, emphasis.hovered])) {
    const object = objects.find((candidate) => candidate.id === id)
    if (!object) continue
    const path = pathOf([object], view)
    context.fillStyle = 'rgb(255 209 102 / 22%)'
    context.fill(path, 'evenodd')
    stroke(path, id === emphasis.picked ? 2.5 : 2, loud)
  }
}

export function inSight(object: SegmentedObject, view: Viewport, window: Size): boolean {
  const [x, y, width, height] = object.bbox
  const left = x * view.scale + view.x
  const top = y * view.scale + view.y
  return left < window.width && top < window.height && left + width * view.scale > 0 && top + height * view.scale > 0
}

function pathOf(objects: readonly SegmentedObject[], view: Viewport): Path2D {
  const path = new Path2D()
  for (const { polygon, holes } of objects) {
    for (const ring of [polygon, ...holes]) {
      ring.forEach(([x, y], index) => {
        const [sx, sy] = [x * view.scale + view.x, y * view.scale + view.y]
        if (index === 0) path.moveTo(sx, sy)
        else path.lineTo(sx, sy)
      })
      path.closePath()
    }
  }
  return path
}
