// @vitest-environment happy-dom
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { mounted, one } from '../../test/mounted'
import AddImages from './AddImages.svelte'

it('offers the files of all kinds that the hub reads', () => {
  mounted(AddImages, { add: () => undefined, addSample: async () => undefined, samples: [], large: true })
  const offered = one<HTMLInputElement>('input').accept.split(',')
  const page = readFileSync(join(import.meta.dirname, '../../../docs/files.md'), 'utf8')
  const read = page.split('\n## ').find((part) => part.startsWith('Read\n'))!
  const named = [...read.matchAll(/`(\.[a-z0-9]+)`/g)].map(([, ending]) => ending!)
  expect(offered).toContain('image/*')
  expect(offered).toEqual(expect.arrayContaining(named.filter((ending) => !/^\.(png|jpe?g|bmp|webp|gif)$/.test(ending))))
  expect(named).toContain('.lsm')
})
