// @vitest-environment happy-dom
import { expect, it, vi } from 'vitest'
import { all, fill, mounted, one, settle } from '../../test/mounted'
import { Failure } from '../lib/api'
import type { Client } from '../lib/client'
import { recall } from '../lib/remembered'
import SignIn from './SignIn.svelte'

const noKey = () => Promise.reject(new Failure('access_key_required', 'Key', 'This hub wants its access key.', 401))

function shown(signIn: (name: string, key: string) => Promise<void>, held = 0) {
  mounted(SignIn, { client: { signIn } as unknown as Client, held })
}

async function start() {
  one<HTMLFormElement>('form').dispatchEvent(new SubmitEvent('submit', { cancelable: true }))
  await settle()
}

it('has the focus where the name goes, takes it without blanks, and knows it the next time', async () => {
  const signIn = vi.fn(() => Promise.resolve())
  shown(signIn)
  expect(document.activeElement).toBe(one('input[name=name]'))
  fill(one('input[name=name]'), ' Ada ')
  await start()
  expect(signIn).toHaveBeenCalledWith('Ada', '')
  expect(recall('seghub.name', { name: '' })).toEqual({ name: 'Ada' })
})

it('asks for the access key of a hub that wants one, and says when it is wrong', async () => {
  const signIn = vi.fn(noKey)
  shown(signIn)
  expect(all('input').length).toBe(1)
  await start()
  expect(document.activeElement).toBe(one('input[name=access_key]'))
  expect(all('[role=alert]')).toEqual([])
  fill(one('input[name=access_key]'), 'wrong')
  await start()
  expect(signIn).toHaveBeenLastCalledWith('', 'wrong')
  expect(one('[role=alert]').textContent).toContain('not the access key')
})

it('says why nobody comes in, and lets them try again', async () => {
  shown(() => Promise.reject(new Failure('unavailable', 'Not now', 'Redis is away.', 503)))
  await start()
  expect(one('[role=alert]').textContent).toBe('Redis is away.')
  expect(one<HTMLButtonElement>('form button').disabled).toBe(false)
})

it('tells of the files that wait at the door', () => {
  shown(() => Promise.resolve(), 3)
  expect(one('[role=status]').textContent).toContain('3 files')
})
