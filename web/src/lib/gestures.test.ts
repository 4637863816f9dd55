import { beforeEach, expect, it } from 'vitest'
import { Gestures, type Meanings, type Pointer } from './gestures'

let said: unknown[][]
let gestures: Gestures

beforeEach(() => {
  said = []
  const say = (name: string) => (...what: unknown[]) => {
    said.push([name, ...what.map((each) => (typeof each === 'object' ? [(each as Pointer).x, (each as Pointer).y] : each))])
  }
  gestures = new Gestures(Object.fromEntries(['pan', 'zoom', 'begin', 'draw', 'end', 'press', 'hover'].map((name) => [name, say(name)])) as unknown as Meanings)
})

const finger = (x: number, y: number, id = 1): Pointer => ({ id, x, y, mouse: false, first: true, held: true })

it('drags with one', () => {
  gestures.down(finger(10, 10), false)
  gestures.move(finger(30, 5))
  gestures.up(finger(30, 5))
  expect(said).toEqual([['pan', 20, -5]])
})

it('presses with one that hardly moves', () => {
  gestures.down(finger(10, 10), false)
  gestures.move(finger(12, 11))
  gestures.up(finger(12, 11))
  expect(said).toEqual([['pan', 2, 1], ['press', [12, 11]]])
})

it('pinches with two, and has pressed nothing', () => {
  gestures.down(finger(0, 0, 1), false)
  gestures.down(finger(100, 0, 2), false)
  gestures.move(finger(200, 0, 2))
  gestures.up(finger(200, 0, 2))
  gestures.up(finger(0, 0, 1))
  expect(said).toEqual([['pan', 50, 0], ['zoom', 2, 100, 0]])
})

it('drags with two, as far as they go, also while one alone would draw', () => {
  gestures.down(finger(0, 0, 1), true)
  gestures.down(finger(100, 0, 2), true)
  said = []
  for (const y of [20, 40]) for (const id of [1, 2]) gestures.move(finger(id === 1 ? 0 : 100, y, id))
  const panned = (axis: 1 | 2) => said.filter(([what]) => what === 'pan').reduce((sum, each) => sum + Number(each[axis]), 0)
  expect([panned(1), panned(2)]).toEqual([0, 40])
  expect(said.filter(([what]) => what === 'zoom').reduce((all, each) => all * Number(each[1]), 1)).toBeCloseTo(1)
  expect(said.filter(([what]) => what === 'draw')).toEqual([])
})

it('draws with a pen, and not with its other buttons', () => {
  gestures.down(finger(10, 10), true)
  gestures.move(finger(20, 10))
  gestures.up(finger(20, 10))
  gestures.down({ ...finger(20, 10), first: false }, true)
  gestures.move({ ...finger(25, 10), first: false })
  expect(said).toEqual([['begin', [10, 10]], ['draw', [20, 10]], ['end', true, false], ['pan', 5, 0]])
})

it('keeps a dot for who draws, and says that it is one', () => {
  gestures.down(finger(10, 10), true)
  gestures.up(finger(10, 10))
  expect(said.at(-1)).toEqual(['end', true, true])
})

it.each([
  ['a second finger comes', () => gestures.down(finger(50, 50, 2), true)],
  ['the system takes the pointer', () => gestures.up(finger(20, 10), true)],
])('throws a line away when %s', (_, happen) => {
  gestures.down(finger(10, 10), true)
  gestures.move(finger(20, 10))
  happen()
  expect(said.at(-1)).toEqual(['end', false, expect.any(Boolean)])
})

it('hovers with a mouse alone', () => {
  gestures.move({ ...finger(1, 2), mouse: true })
  gestures.move(finger(3, 4))
  expect(said).toEqual([['hover', [1, 2]]])
})

it.each([[false, []], [true, [['begin', [10, 10]], ['end', false, true]]]])('lets go with a mouse whose button came up where nobody told of it, as in a menu (pen: %s)', (pen, before) => {
  const mouse = { ...finger(10, 10), mouse: true }
  gestures.down(mouse, pen)
  gestures.move({ ...mouse, x: 50, held: false })
  gestures.move({ ...mouse, x: 60, held: false })
  expect(said).toEqual([...before, ['hover', [50, 10]], ['hover', [60, 10]]])
})
