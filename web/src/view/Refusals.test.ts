// @vitest-environment happy-dom
import { expect, it } from 'vitest'
import { all, mounted, one } from '../../test/mounted'
import type { Client } from '../lib/client'
import type { Pending } from '../lib/uploads'
import Refusals from './Refusals.svelte'

it('tells the few that are damaged before the many that are no images', () => {
  const refused = (name: string, reason: string, id: number) => ({ id, file: new File([], name), reason, code: '' }) as Pending
  const notes = Array.from({ length: 30 }, (_, i) => refused(`notes ${i}.txt`, 'No image.', i))
  mounted(Refusals, { client: {} as Client, pending: [...notes, refused('well 7.tif', 'Cut short.', 99)] })
  expect(all('li').map(({ textContent }) => textContent?.slice(0, 30))).toEqual(['well 7.tif Cut short.', 'notes 0.txt, notes 1.txt, note'])
  expect(one('ul').tabIndex).toBe(0) // they scroll, for keys too
})
