// @vitest-environment happy-dom
import { mount, unmount } from 'svelte'
import { expect, it } from 'vitest'
import { fill, one, settle } from '../../test/mounted'
import type { Api } from '../lib/api'
import type { Job, Result } from '../lib/protocol'
import MeasurePanel from './MeasurePanel.svelte'

it('shows nothing that comes when another image is shown by then', async () => {
  let answer = (_: Partial<Result>) => {}
  let preview: Result | null = null
  const props = {
    api: { measure: () => new Promise((resolve) => (answer = resolve)) } as unknown as Api,
    job: { id: 'job1', options: { threshold: 0.5 } } as Job,
    result: { job: 'job1' } as Result,
    get preview() {
      return preview
    },
    set preview(next) {
      preview = next
    },
    keep: () => undefined,
  }
  const panel = mount(MeasurePanel, { target: document.body, props })
  fill(one<HTMLInputElement>('input[type=range]'), '0.9')
  await unmount(panel)
  answer({ job: 'job1' })
  await settle()
  expect(preview).toBeNull()
})
