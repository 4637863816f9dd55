// What a person looks at, apart from any one window or picture: so that it stays from image to image, and so that two
// windows show the same place.

import { fit, hold, limit, toImage, type Size, type Viewport } from './viewport'

export interface Camera {
  scale: number // CSS pixels an image pixel: a panel that takes room from the window leaves it
  x: number // 0..1 of the picture's width, in the middle of the window
  y: number
}

/** through is the viewport of a camera; null shows the whole picture. */
export function through(camera: Camera | null, image: Size, window: Size): Viewport {
  if (!camera) return fit(image, window)
  const scale = limit(camera.scale, image, window)
  const view = { scale, x: window.width / 2 - camera.x * image.width * scale, y: window.height / 2 - camera.y * image.height * scale }
  return hold(view, image, window)
}

/** cameraOf is the camera of a viewport; null where the whole picture is shown. */
export function cameraOf(view: Viewport, image: Size, window: Size): Camera | null {
  const { scale } = view
  if (scale <= fit(image, window).scale * 1.0001) return null
  const [x, y] = toImage(view, window.width / 2, window.height / 2)
  return { scale, x: x / image.width, y: y / image.height }
}
