// @vitest-environment happy-dom
import { flushSync } from 'svelte'
import { beforeEach, expect, it, vi } from 'vitest'
import { button, isOff, mounted, one, settle } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import { Failure } from '../lib/api'
import type { Client } from '../lib/client'
import type { Job, Operation, Point, Result, SegmentedObject } from '../lib/protocol'
import { historyOf } from '../lib/undo'
import EditPanel, { type Tool } from './EditPanel.svelte'

const square = (id: number, x: number): SegmentedObject => ({
  id, polygon: [[x, 0], [x + 10, 0], [x + 10, 10], [x, 10]], holes: [], bbox: [x, 0, 10, 10], area: 100, perimeter: 40, centroid: [x + 5, 5], mean_probability: 1,
})
const first: Result = {
  job: 'job1', revision: 1, image: { id: 'image1', filename: 'a.png', width: 600, height: 400 }, model: 'unet', objects: [square(1, 0), square(2, 20)],
  summary: { count: 2, total_area: 200, coverage: 0 },
}

interface Panel {
  press: (id: number | null) => void
  drawn: (line: readonly Point[]) => void
  keydown: (event: KeyboardEvent) => boolean
}
let panel: Panel
let asked: { job: string; revision: number | undefined; operations: readonly Operation[] }[]
let result: { value: Result }
let picked: { value: number | null }
let pen: { value: { radius: number } | null }
let tool: { value: Tool }
let fail: Failure | null
let away: Failure | null
let hold: Promise<void> | undefined // of the hub's answers

beforeEach(() => {
  asked = []
  fail = away = null
  hold = undefined
  result = reactive(first)
  picked = reactive(null as number | null)
  tool = reactive<Tool>('look')
  pen = reactive(null as { radius: number } | null)
  show()
})

function show() {
  const client = {
    edit: vi.fn(async (before: Result, operations: readonly Operation[]) => {
      asked.push({ job: before.job, revision: before.revision, operations })
      await hold
      if (fail) throw fail
      return { ...before, revision: (before.revision ?? 0) + 1 }
    }),
    freshResult: async (job: string) => {
      if (away) throw away
      return { ...first, job, revision: 9 }
    },
  } as unknown as Client
  panel = mounted(EditPanel, {
    client,
    get job() {
      return { id: result.value.job, width: 600, height: 400 } as Job
    },
    get result() {
      return result.value
    },
    get tool() {
      return tool.value
    },
    set tool(next) {
      tool.value = next
    },
    get picked() {
      return picked.value
    },
    set picked(next) {
      picked.value = next
    },
    get pen() {
      return pen.value
    },
    set pen(next) {
      pen.value = next
    },
    changed(next: Result) {
      if (next.job === result.value.job) result.value = next
    },
  }) as unknown as Panel
}

function key(name: string, modifiers: KeyboardEventInit = {}): boolean {
  let meant = false
  const listen = (event: Event) => (meant = panel.keydown(event as KeyboardEvent))
  document.body.addEventListener('keydown', listen, { once: true })
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key: name, ...modifiers }))
  flushSync()
  return meant
}

function pick(id: number) {
  panel.press(id)
  flushSync()
}

const operations = () => asked.flatMap(({ operations }) => operations)

it('takes a tool by its key, and what the tool draws with', () => {
  expect([key('b'), pen.value !== null, key('s'), pen.value?.radius, key('m'), pen.value, key('x')]).toEqual([true, true, true, 0, true, null, false])
  expect(one<HTMLInputElement>('input[value=merge]').checked).toBe(true)
})

it('makes the brush smaller and larger, but not nothing', () => {
  key('b')
  const radius = pen.value!.radius
  key(']')
  expect(pen.value!.radius).toBe(radius + 1)
  for (let i = 0; i < radius + 5; i++) key('[')
  expect(pen.value!.radius).toBe(1)
  // As a German keyboard types them, on Windows and on a Mac; with Cmd, a Mac goes back a page.
  expect([key(']', { ctrlKey: true, altKey: true }), key(']', { altKey: true }), key(']', { metaKey: true }), pen.value!.radius]).toEqual([true, true, false, 3])
})

it('has tool and size in hand for the next image, too', () => {
  key('b')
  key(']')
  const { radius } = pen.value!
  document.body.replaceChildren()
  show()
  expect([one<HTMLInputElement>('input[value=brush]').checked, pen.value!.radius]).toEqual([true, radius])
})

it('merges two that are pressed one after the other', async () => {
  key('m')
  pick(1)
  pick(2)
  await settle()
  expect(operations()).toEqual([{ op: 'merge', ids: [1, 2] }])
  expect(picked.value).toBe(1)
})

it('merges a third, and a fourth, that are pressed before the answer', async () => {
  result.value = { ...first, objects: [1, 2, 3, 4].map((id) => square(id, 20 * id)) }
  let answer = () => {}
  hold = new Promise((resolve) => (answer = resolve))
  key('m')
  for (const id of [1, 2, 3]) pick(id)
  await settle()
  hold = undefined
  answer()
  await settle()
  pick(4)
  await settle()
  expect(operations()).toEqual([2, 3, 4].map((id) => ({ op: 'merge', ids: [1, id] })))
  expect(picked.value).toBe(1)
})

it('merges with what is picked where nothing came of the last', async () => {
  result.value = { ...first, objects: [1, 2, 3].map((id) => square(id, 20 * id)) }
  fail = new Failure('invalid', 'They do not touch', '', 400)
  key('m')
  for (const id of [1, 2]) pick(id)
  await settle()
  pick(3)
  await settle()
  expect(operations().at(-1)).toEqual({ op: 'merge', ids: [2, 3] })
})

it.each<[tool: string, line: Point[], operation: object]>([
  ['s', [[-1, 5], [5, 5], [11, 5]], { op: 'split', id: 1 }],
  ['b', [[5, 5], [15, 5]], { op: 'paint', id: 1, mode: 'add' }],
  ['e', [[15, 5], [25, 5]], { op: 'paint', id: 2, mode: 'erase' }],
  ['n', [[50, 5]], { op: 'paint', id: null, mode: 'add' }],
])('reads a line that is drawn with %s', async (tool, line, operation) => {
  key(tool)
  panel.drawn(line)
  await settle()
  expect(operations()).toMatchObject([operation])
})

it('says where there is nothing to correct', async () => {
  key('b')
  panel.drawn([[300, 300]])
  await settle()
  expect(asked).toEqual([])
  expect(one('[role=status]').textContent).toContain('no object there')
})

it('goes back to the revision before, and forth again, after a reload too', async () => {
  pick(1)
  key('Delete')
  await settle()
  document.body.replaceChildren()
  show()
  key('z', { ctrlKey: true })
  await settle()
  key('z', { ctrlKey: true, shiftKey: true })
  await settle()
  expect(operations()).toEqual([{ op: 'delete', ids: [1] }, { op: 'revert', revision: 1 }, { op: 'revert', revision: 2 }])
  expect([isOff(button('Undo')), isOff(button('Redo'))]).toEqual([false, true])
})

it('goes back one revision at a time, whoever made it', async () => {
  pick(1)
  key('Delete')
  await settle()
  result.value = { ...result.value, revision: 3 } // another tab's correction, or a threshold that was kept
  for (let i = 0; i < 2; i++) {
    key('z', { ctrlKey: true })
    await settle()
  }
  expect(operations().slice(1)).toEqual([{ op: 'revert', revision: 2 }, { op: 'revert', revision: 1 }])
})

it('goes back from a correction whose answer was lost', async () => {
  fail = new Failure('unreachable', 'Away', '', 0)
  pick(1)
  key('Delete')
  await settle()
  expect(isOff(button('Undo'))).toBe(true)
  fail = null
  result.value = { ...first, revision: 2 } // it had arrived
  flushSync()
  key('z', { ctrlKey: true })
  await settle()
  expect(operations().at(-1)).toEqual({ op: 'revert', revision: 1 })
})

it('says no longer that the hub does not answer once a correction is seen to have been made', async () => {
  fail = new Failure('unreachable', 'Away', '', 0)
  pick(1)
  key('Delete')
  await settle()
  expect(one('[role=status]').textContent).toBe('Away')
  result.value = { ...first, revision: 2 } // it had arrived
  flushSync()
  expect(one('[role=status]').textContent).toContain('Press an object')
})

it('says of an image what is the matter with it, and of no other', async () => {
  fail = new Failure('bad_request', 'It cannot be split there', '', 400)
  pick(1)
  key('Delete')
  await settle()
  result.value = { ...first, job: 'job2' }
  flushSync()
  expect(one('[role=status]').textContent).toContain('Press an object')
})

it('asks for a line of as many points as a hub takes', async () => {
  key('b')
  panel.drawn(Array.from({ length: 25_000 }, (_, i): Point => [5 + 4 * Math.cos(i / 30), 5 + 4 * Math.sin(i / 30)]))
  await settle()
  expect(operations()).toMatchObject([{ op: 'paint', id: 1 }])
  expect((operations()[0] as unknown as { stroke: Point[] }).stroke.length).toBeLessThanOrEqual(10_000)
})

it('shows the newest where somebody else was faster', async () => {
  fail = new Failure('revision_conflict', 'Changed', 'Revision 1 is not the newest.', 409)
  pick(2)
  key('Delete')
  await settle()
  expect(result.value.revision).toBe(9)
  expect(one('[role=status]').textContent).toContain('Somebody else')
})

it('goes on after the newest could not be had either', async () => {
  fail = new Failure('revision_conflict', 'Changed', '', 409)
  away = new Failure('unreachable', 'Away', '', 0)
  pick(2)
  key('Delete')
  await settle()
  fail = null
  key('Delete')
  await settle()
  expect([asked.length, result.value.revision]).toEqual([2, 2])
})

it('corrects what was seen when it was asked for, though another image is shown by then', async () => {
  let answer = () => {}
  hold = new Promise((resolve) => (answer = resolve))
  for (const id of [1, 2]) {
    pick(id)
    key('Delete')
  }
  await settle()
  result.value = { ...first, job: 'job2', revision: 5 }
  pick(1)
  answer()
  await settle()
  expect(asked.map(({ job, revision }) => [job, revision])).toEqual([['job1', 1], ['job1', 2]])
  expect([result.value.job, result.value.revision, picked.value]).toEqual(['job2', 5, 1])
  expect(historyOf('job1', 3)).toEqual({ past: [1, 2], future: [], at: 3 })
})

it('leaves picked what was picked before the hub had answered', async () => {
  let answer = () => {}
  hold = new Promise((resolve) => (answer = resolve))
  key('s')
  panel.drawn([[-1, 5], [5, 5], [11, 5]])
  await settle()
  key('m')
  pick(1)
  answer()
  await settle()
  pick(2)
  await settle()
  expect(operations().slice(1)).toEqual([{ op: 'merge', ids: [1, 2] }])

  key('s')
  hold = new Promise((resolve) => (answer = resolve))
  key('Enter') // splits 1, which is picked
  for (const id of [2, 1]) pick(id)
  answer()
  await settle()
  expect([operations().length, picked.value]).toEqual([3, 1])
})

it('puts the tool away, and the object after it, by Escape', () => {
  key('b')
  pick(1)
  expect([key('Escape'), pen.value, picked.value, key('Escape'), picked.value, key('Escape')]).toEqual([true, null, 1, true, null, false])
})
