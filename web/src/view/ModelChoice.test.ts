// @vitest-environment happy-dom
import { flushSync } from 'svelte'
import { beforeEach, expect, it, vi } from 'vitest'
import { model } from '../../test/fakehub'
import { all, choose, fill, mounted, one } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import type { Choice, Decision } from '../lib/choice'
import ModelChoice from './ModelChoice.svelte'

const [first, second] = [{ ...model, id: 'first', title: 'First' }, { ...model, id: 'second', title: 'Second', threshold: 0.3, min_area: 20 }]

let choice: { value: Choice }
let models: { value: (typeof model)[] }
const notice = vi.fn()

function shown(decision: Decision | null = null) {
  mounted(ModelChoice, {
    get models() {
      return models.value
    },
    get choice() {
      return choice.value
    },
    set choice(next) {
      choice.value = next
    },
    decision,
    compact: false,
    notice,
  })
}

beforeEach(() => {
  choice = reactive({ model: '', wishes: {} })
  models = reactive([first, second])
  notice.mockClear()
})

it('keeps what is wished of the images for another model, and not what is wished of a model', () => {
  choice.value = { model: 'first', wishes: { threshold: 0.7, exclude_border: true, pixel_size: 0.5 } }
  shown()
  choose(one('select'), 'second')
  expect(choice.value).toEqual({ model: 'second', wishes: { exclude_border: true, pixel_size: 0.5 } })
})

it('asks for what differs from the model alone', () => {
  choice.value = { model: 'second', wishes: {} }
  shown()
  const slider = one<HTMLInputElement>('input[type=range]')
  expect(slider.value).toBe('0.3')
  fill(slider, '0.42')
  expect(choice.value.wishes).toEqual({ threshold: 0.42 })
  one<HTMLInputElement>('.checks input[type=checkbox]').click()
  flushSync()
  expect(choice.value.wishes).toEqual({ threshold: 0.42, exclude_border: true })
  one<HTMLInputElement>('.checks input[type=checkbox]').click()
  flushSync()
  expect(choice.value.wishes).toEqual({ threshold: 0.42 })
})

it('goes back to proposing when the chosen model goes, and says so', () => {
  choice.value = { model: 'second', wishes: {} }
  shown()
  models.value = [first]
  flushSync()
  expect(choice.value.model).toBe('')
  expect(one('.missed').textContent).toMatch(/Second.*First/s)
  expect(notice).toHaveBeenCalledOnce()
  choose(one('select'), 'first')
  expect(document.querySelector('.missed')).toBeNull()
})

it('says what is proposed, and why', () => {
  shown({ ids: [1], settings: { model: 'second', options: {} }, subject: 'nuclei', model: second, proposed: {} })
  expect(one('.proposal').textContent).toMatch(/Second is proposed/)
})

it('shows what is proposed to be left out, until the person wishes otherwise', () => {
  shown({ ids: [1], settings: { model: 'first', options: { min_area: 524 } }, subject: 'spheroids', model: first, proposed: { min_area: 524 } })
  const [, crumbs] = all<HTMLInputElement>('.checks input[type=checkbox]')
  const area = () => one<HTMLInputElement>('.area').value
  expect([crumbs!.checked, area()]).toEqual([true, '524'])
  crumbs!.click()
  flushSync()
  expect([choice.value.wishes, area()]).toEqual([{ min_area: 0 }, '0'])
  crumbs!.click()
  flushSync()
  expect(choice.value.wishes).toEqual({ min_area: 524 })
})
