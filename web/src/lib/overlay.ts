// What is laid over a picture: the mask, the probabilities, each object in a colour of its own, or how two results differ.
// The colours are told apart by colour-blind eyes (Okabe and Ito 2008; probabilities run through luminance as viridis does).

import { trace } from './outlines'
import type { SegmentedObject } from './protocol'
import { maskColour } from './tint'

export const overlays = ['mask', 'probability', 'labels', 'none'] as const
export type Overlay = (typeof overlays)[number]

type RGB = readonly [red: number, green: number, blue: number]

const labelColours = ['#e69f00', '#56b4e9', '#009e73', '#f0e442', '#0072b2', '#d55e00', '#cc79a7']

/** Only here, only there, in both. */
export const differenceColours = { here: '#e69f00', there: '#56b4e9', both: '#f7f7f7' } as const

/** fillObjects fills a canvas, scale of its pixels a pixel of the picture, with the objects. */
export function fillObjects(canvas: HTMLCanvasElement, objects: readonly SegmentedObject[], scale: number, labels: boolean): void {
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  context.setTransform(scale, 0, 0, scale, 0, 0)
  // Each by itself: what a path costs grows with the square of its corners, and thousands of objects in one took a minute.
  for (const object of objects) {
    context.fillStyle = labels ? labelColours[object.id % labelColours.length]! : `rgb(${maskColour.join(' ')})`
    context.beginPath()
    trace(context, object)
    context.fill('evenodd')
  }
  context.setTransform(1, 0, 0, 1, 0, 0)
}

/** Samples of viridis (van der Walt and Smith 2015), from nothing to certain. */
const viridis: readonly RGB[] = [[68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137], [53, 183, 121], [109, 205, 89], [180, 222, 44], [253, 231, 37]]

/** colourProbability turns grey RGBA pixels into viridis, in place; what is certainly nothing is left clear. */
export function colourProbability(rgba: Uint8ClampedArray): void {
  const table = Array.from({ length: 256 }, (_, value): RGB => {
    const at = (value / 255) * (viridis.length - 1)
    const [below, above] = [viridis[Math.floor(at)]!, viridis[Math.ceil(at)]!]
    return [0, 1, 2].map((i) => below[i]! + (above[i]! - below[i]!) * (at % 1)) as unknown as RGB
  })
  for (let i = 0; i < rgba.length; i += 4) {
    const value = rgba[i]!
    const [red, green, blue] = table[value]!
    rgba[i] = red
    rgba[i + 1] = green
    rgba[i + 2] = blue
    rgba[i + 3] = Math.min(255, value * 4)
  }
}

/** difference turns grey RGBA pixels, white in an object, into the colours of where two masks lie, in place of the first. */
export function difference(here: Uint8ClampedArray, there: Uint8ClampedArray): void {
  const [onlyHere, onlyThere, both] = [rgb(differenceColours.here), rgb(differenceColours.there), rgb(differenceColours.both)]
  for (let i = 0; i < here.length; i += 4) {
    const [a, b] = [here[i]! > 127, there[i]! > 127]
    const colour = a && b ? both : a ? onlyHere : onlyThere
    here[i] = colour[0]
    here[i + 1] = colour[1]
    here[i + 2] = colour[2]
    here[i + 3] = a || b ? (a && b ? 110 : 255) : 0
  }
}

function rgb(hex: string): RGB {
  const n = parseInt(hex.slice(1), 16)
  return [n >> 16, (n >> 8) & 255, n & 255]
}
