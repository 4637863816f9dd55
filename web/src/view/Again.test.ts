// @vitest-environment happy-dom
import { expect, it, vi } from 'vitest'
import { model } from '../../test/fakehub'
import { all, button, choose, fill, mounted, one, settle } from '../../test/mounted'
import { reactive } from '../../test/reactive.svelte'
import type { Client } from '../lib/client'
import type { Job } from '../lib/protocol'
import Again from './Again.svelte'

it('segments one page again as it was, but for what is changed here', async () => {
  const page = (number: number, min_area: number) => ({ id: `job${number}`, image_id: 'stack', page: number, pages: 3, model: model.id, options: { threshold: 0.4, min_area } }) as Job
  const jobs = [page(0, 20), page(1, 20), page(2, 50)]
  const again = vi.fn((_images: string[], _model: string, _wishes: object) => Promise.resolve([]))
  mounted(Again, { client: { again } as unknown as Client, models: [model], choice: { model: '', wishes: {} }, jobs: [jobs[1]!], all: jobs, open: true, begun: () => undefined })
  await settle()
  expect(one('h2').textContent).toContain('1 image')
  expect(one<HTMLInputElement>('[type=number]').value).toBe('20')
  fill(one('[type=range]'), '0.6')
  button('Segment').click()
  await settle()
  expect(again.mock.calls).toEqual([[['stack'], model.id, { threshold: 0.6, min_area: 20, pages: '2' }]])
})

it('segments the channel that is looked at, or another, where channels have no pages of their own', async () => {
  const of = { id: 'lsm', image_id: 'lsm', page: 0, pages: 1, channel: 0, sample: 0, model: model.id, options: {} } as unknown as Job
  const again = vi.fn((_images: string[], _model: string, _wishes: object) => Promise.resolve([]))
  const channels = { all: [0, 1, 2].map((n) => ({ id: String(n), name: '', number: n + 1, colour: '' })), shown: '1' }
  const open = reactive(true)
  mounted(Again, { client: { again } as unknown as Client, models: [model], choice: { model: '', wishes: {} }, jobs: [of], all: [of], channels, get open() { return open.value }, set open(to) { open.value = to }, begun: () => undefined })
  for (const channel of ['', '2', '0']) {
    open.value = true
    await settle()
    const select = all<HTMLSelectElement>('select')[1]!
    expect([select.value, ...[...select.options].map((option) => option.text)]).toEqual(['1', 'Channel 1', 'Channel 2', 'Channel 3'])
    if (channel) choose(select, channel)
    button('Segment').click()
    await settle()
  }
  expect(again.mock.calls.map(([, , wishes]) => wishes)).toEqual([{ channel: '1' }, { channel: '2' }, {}])
})

it('shows what all pictures have, and no value where they differ', async () => {
  const job = (id: string, min_area: number) => ({ id, image_id: id, page: 0, pages: 1, model: model.id, options: { threshold: 0.4, min_area } }) as Job
  const jobs = [job('a', 20), job('b', 50)]
  mounted(Again, { client: {} as Client, models: [model], choice: { model: '', wishes: {} }, jobs: [jobs[0]!], all: jobs, open: true, begun: () => undefined })
  await settle()
  choose(all<HTMLSelectElement>('select')[1]!, 'all')
  const field = one<HTMLInputElement>('[type=number]')
  expect([field.value, field.placeholder, one('[type=range]').closest('label')!.textContent]).toEqual(['', 'as before', expect.stringContaining('0.40')])
})

it('asks for no part of what is wanted twice when another part was refused', async () => {
  const jobs = ['a', 'b'].map((id, i) => ({ id, image_id: id, page: 0, pages: 1, model: model.id, options: { threshold: 0.4, min_area: i } }) as Job)
  const again = vi.fn(([image]: string[]) => Promise.resolve([{ id: `${image} again` }])).mockImplementationOnce(() => Promise.resolve([{ id: 'first' }])).mockImplementationOnce(() => Promise.reject(new Error('Away.')))
  const begun = vi.fn()
  mounted(Again, { client: { again } as unknown as Client, models: [model], choice: { model: '', wishes: {} }, jobs, all: jobs, open: true, begun })
  await settle()
  for (let i = 0; i < 2; i++) {
    button('Segment').click()
    await settle()
  }
  expect(again.mock.calls.map(([images]) => images)).toEqual([['a'], ['b'], ['b']])
  expect(begun).toHaveBeenCalledExactlyOnceWith([{ id: 'first' }, { id: 'b again' }])
})

it('does not say of this time what was the matter the last', async () => {
  const again = vi.fn(() => Promise.reject(new Error('The line is full.')))
  const open = reactive(true)
  mounted(Again, {
    client: { again } as unknown as Client, models: [model], choice: { model: '', wishes: {} }, jobs: [{ id: 'a', image_id: 'a', page: 0, pages: 1, model: model.id } as Job], all: [], begun: () => undefined,
    get open() {
      return open.value
    },
    set open(next) {
      open.value = next
    },
  })
  await settle()
  button('Segment').click()
  await settle()
  expect(one('[role=alert]').textContent).toBe('The line is full.')
  for (const next of [false, true]) {
    open.value = next
    await settle()
  }
  expect(all('[role=alert]')).toEqual([])
})
