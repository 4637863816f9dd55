// What a person looks at, apart from any one window or picture: so that it stays from image to image, and so that two
// windows show the same place.

import { fit, hold, limit, toImage, type Size, type Viewport } from './viewport'

export interface Camera {
  zoom: number // of the fitted picture, from 1
  x: number // 0..1 of the picture's width, in the middle of the window
  y: number
}

/** through is the viewport of a camera; null shows the whole picture. */
export function through(camera: Camera | null, image: Size, window: Size): Viewport {
  const whole = fit(image, window)
  if (!camera) return whole
  const scale = limit(whole.scale * camera.zoom, image, window)
  const view = { scale, x: window.width / 2 - camera.x * image.width * scale, y: window.height / 2 - camera.y * image.height * scale }
  return hold(view, image, window)
}

/** cameraOf is the camera of a viewport; null where the whole picture is shown. */
export function cameraOf(view: Viewport, image: Size, window: Size): Camera | null {
  const zoom = view.scale / fit(image, window).scale
  if (zoom <= 1.0001) return null
  const [x, y] = toImage(view, window.width / 2, window.height / 2)
  return { zoom, x: x / image.width, y: y / image.height }
}
