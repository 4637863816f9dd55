// @vitest-environment happy-dom
import { expect, it } from 'vitest'
import { all, mounted } from '../../test/mounted'
import Filename from './Filename.svelte'

it.each(['well A01.png', 'MLS11 spheroids_B03ED7830C1.tif'])('says %s in one piece', (name) => {
  mounted(Filename, { name })
  const heard = all('.whole span:not([aria-hidden])').map(({ textContent }) => textContent)
  expect(heard).toEqual([name])
})
