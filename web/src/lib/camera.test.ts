import { expect, it } from 'vitest'
import { cameraOf, through } from './camera'
import { fit, toImage, zoom } from './viewport'

const image = { width: 1000, height: 800 }
const window = { width: 500, height: 400 }

it('shows the whole picture without a camera', () => {
  expect(through(null, image, window)).toEqual(fit(image, window))
  expect(cameraOf(fit(image, window), image, window)).toBeNull()
})

it('comes back to the same view', () => {
  const view = zoom(fit(image, window), 5, 100, 300, image, window)
  const again = through(cameraOf(view, image, window), image, window)
  expect([again.scale, again.x, again.y]).toEqual([expect.closeTo(view.scale, 9), expect.closeTo(view.x, 6), expect.closeTo(view.y, 6)])
})

it('shows the same place in a window of another size, and of a picture of another', () => {
  const camera = cameraOf(zoom(fit(image, window), 6, 200, 150, image, window), image, window)!
  const half = { width: 250, height: 400 }
  const other = { width: 2000, height: 1600 }
  for (const [picture, size] of [[image, half], [other, window]] as const) {
    const [x, y] = toImage(through(camera, picture, size), size.width / 2, size.height / 2)
    expect([x / picture.width, y / picture.height]).toEqual([expect.closeTo(camera.x, 6), expect.closeTo(camera.y, 6)])
  }
})

it('keeps its scale when the window gives room away', () => {
  const view = zoom(fit(image, window), 3, 250, 200, image, window)
  expect(through(cameraOf(view, image, window), image, { width: 500, height: 300 }).scale).toBe(view.scale)
})

it('comes no nearer to a small picture than to any', () => {
  const large = { width: 40_000, height: 32_000 }
  const camera = cameraOf(zoom(fit(large, window), 1e9, 0, 0, large, window), large, window)
  expect(through(camera, image, window).scale).toBe(24)
})
