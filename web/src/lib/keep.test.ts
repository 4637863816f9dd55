import { afterEach, expect, it, vi } from 'vitest'
import { Tabs } from './keep'

afterEach(() => vi.unstubAllGlobals())

it('is alone where the browser lets tabs not speak with each other, as where it keeps no cookies', async () => {
  vi.stubGlobal('BroadcastChannel', class {
    constructor() {
      throw new DOMException('The operation is insecure.', 'SecurityError')
    }
  })
  const tabs = new Tabs()
  expect([...(await tabs.alive())]).toEqual([tabs.own])
})
