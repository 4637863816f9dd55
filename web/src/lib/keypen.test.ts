import { expect, it } from 'vitest'
import { keyed, type KeyPen } from './keypen'

const image = { width: 100, height: 80 }
const up: KeyPen = { at: [50, 40], line: [] }

/** What the keys make, one after the other. */
function press(keys: string[], thick = true, pen = up) {
  const drawn: unknown[] = []
  for (const key of keys) {
    const after = keyed(pen, key, 10, thick, image)
    if (!after) {
      drawn.push(null)
      continue
    }
    pen = after.pen
    if (after.drawn) drawn.push(after.drawn)
  }
  return { pen, drawn }
}

it('moves within the picture, and draws nothing before it is put down', () => {
  expect(press(['ArrowLeft', 'ArrowUp'])).toEqual({ pen: { at: [40, 30], line: [] }, drawn: [] })
  expect(press(Array(9).fill('ArrowDown')).pen.at).toEqual([50, 80])
})

it.each([' ', 'Enter'])('draws from Space to %j', (last) => {
  expect(press([' ', 'ArrowRight', 'ArrowDown', last])).toEqual({ pen: { at: [60, 50], line: [] }, drawn: [[[50, 40], [60, 40], [60, 50]]] })
})

it('throws a line away by Escape, which else is not its own', () => {
  expect(press([' ', 'ArrowRight', 'Escape'])).toEqual({ pen: { at: [60, 40], line: [] }, drawn: [] })
  expect(press(['Escape']).drawn).toEqual([null])
})

it('makes dots when it is thick', () => {
  expect(press(['Enter']).drawn).toEqual([[[50, 40]]])
  expect(press(['Enter'], false).drawn).toEqual([null])
  expect(press([' ', ' '], false)).toEqual({ pen: up, drawn: [] })
})
