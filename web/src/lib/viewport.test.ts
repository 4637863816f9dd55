import { describe, expect, it } from 'vitest'
import { fit, pan, show, toImage, zoom } from './viewport'

const image = { width: 2000, height: 1000 }
const window = { width: 800, height: 600 }
const fitted = fit(image, window)

describe('fit', () => {
  it('shows the whole image in the middle', () => {
    expect(fitted.x).toBeCloseTo((800 - 2000 * fitted.scale) / 2)
    expect(fitted.y).toBeCloseTo((600 - 1000 * fitted.scale) / 2)
    expect(2000 * fitted.scale).toBeLessThanOrEqual(800)
  })

  it('does not blow up a tiny image without end', () => {
    expect(fit({ width: 8, height: 8 }, window).scale).toBe(8)
  })
})

describe('zoom', () => {
  it('keeps what is under the pointer there', () => {
    const before = zoom(fitted, 4, 400, 300, image, window)
    const under = toImage(before, 420, 310)
    const [x, y] = toImage(zoom(before, 2, 420, 310, image, window), 420, 310)
    expect(x).toBeCloseTo(under[0])
    expect(y).toBeCloseTo(under[1])
  })

  it('ends at the whole image', () => {
    const out = zoom(zoom(fitted, 8, 10, 10, image, window), 1 / 1000, 500, 20, image, window)
    expect(out.scale).toBeCloseTo(fitted.scale)
    expect(out.x).toBeCloseTo(fitted.x)
    expect(out.y).toBeCloseTo(fitted.y)
  })

  it('ends where single pixels can be counted', () => {
    expect(zoom(fitted, 1e9, 400, 300, image, window).scale).toBe(24)
  })
})

describe('pan', () => {
  const near = zoom(fitted, 10, 400, 300, image, window)

  it('goes a little past an edge, so that no corner stays under what lies over the window', () => {
    const first = pan(near, 1e6, 1e6, image, window)
    expect([first.x, first.y]).toEqual([64, 64])
    const last = pan(near, -1e6, -1e6, image, window)
    expect(last.x + image.width * last.scale).toBeCloseTo(window.width - 64)
    expect(last.y + image.height * last.scale).toBeCloseTo(window.height - 64)
  })

  it('does not move what is smaller than the window', () => {
    expect(pan(fitted, 50, 50, image, window).x).toBeCloseTo(fitted.x)
  })
})

describe('show', () => {
  const near = zoom(fitted, 10, 0, 0, image, window)

  it('brings a box into the window', () => {
    const view = show(near, [1500, 700, 50, 50], image, window)
    expect(1500 * view.scale + view.x).toBeGreaterThanOrEqual(0)
    expect(1550 * view.scale + view.x).toBeLessThanOrEqual(window.width + 1e-6)
    expect(700 * view.scale + view.y).toBeGreaterThanOrEqual(0)
    expect(750 * view.scale + view.y).toBeLessThanOrEqual(window.height + 1e-6)
  })

  it('leaves alone what is in sight', () => {
    const seen = show(near, [1500, 700, 50, 50], image, window)
    expect(show(seen, [1500, 700, 50, 50], image, window)).toEqual(seen)
  })
})
