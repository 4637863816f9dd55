// @vitest-environment happy-dom
import { expect, it } from 'vitest'
import { all, button, mounted, one, settle } from '../../test/mounted'
import type { Client, View } from '../lib/client'
import { initialState } from '../lib/state'
import Header from './Header.svelte'

it('does not say of this time why the session could not be ended the last', async () => {
  const client = { signOut: () => Promise.reject(new Error('The hub is away.')) } as unknown as Client
  mounted(Header, { client, view: { link: { state: 'open' }, hub: initialState } as View })
  const press = (words: string) => (button(words).click(), settle())
  await press('End session')
  one('dialog .primary').click()
  await settle()
  expect(one('dialog [role=alert]').textContent).toBe('The hub is away.')
  await press('Keep working')
  await press('End session')
  expect(all('dialog [role=alert]')).toEqual([])
})
