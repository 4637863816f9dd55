// A mask as it is laid over an image: one colour, as opaque as the mask is white.

/** Teal-green, apart from the greys of brightfield and the blue and red of common stains. */
export const maskColour = [24, 196, 164] as const

/** tint draws a grey picture into a canvas of the given size, its brightness as opacity. */
export function tint(mask: CanvasImageSource, width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = height
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  context.drawImage(mask, 0, 0, width, height)
  const pixels = context.getImageData(0, 0, width, height)
  colour(pixels.data)
  context.putImageData(pixels, 0, 0)
  return canvas
}

/** colour turns grey RGBA pixels into the mask's colour with their grey as alpha, in place. */
export function colour(rgba: Uint8ClampedArray): void {
  const [red, green, blue] = maskColour
  for (let i = 0; i < rgba.length; i += 4) {
    rgba[i + 3] = rgba[i]!
    rgba[i] = red
    rgba[i + 1] = green
    rgba[i + 2] = blue
  }
}
