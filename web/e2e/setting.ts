// What the tests of a file play in: one hub, one browser, and people who come and go.

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import * as chromium from './browser'
import { launch, signIn, visit, type Visitor } from './browser'
import * as binary from './hub'
import { startHub, type Hub } from './hub'

export const missing = binary.missing ?? chromium.missing

export interface Setting {
  readonly hub: Hub
  open: (url?: string, options?: BrowserContextOptions) => Promise<Page>
  openSignedIn: (name?: string, url?: string, options?: BrowserContextOptions) => Promise<Page>
  /** Has all leave, with their sessions as they are: for a hub that is gone before the test ends. */
  leave: () => Promise<void>
}

/** setting is set up before the tests of the suite that calls it, and cleared away after them. */
export function setting(): Setting {
  let browser: Browser
  let hub: Hub
  let visitors: Visitor[] = []

  beforeAll(async () => {
    hub = await startHub()
    browser = await launch()
  })

  afterAll(async () => {
    await browser?.close()
    await hub?.stop()
  })

  // Sessions are ended, so that no test finds the slots of another taken; and no browser had to complain.
  afterEach(async () => {
    const left = visitors
    visitors = []
    for (const { page, leave } of left) {
      await page.request.delete(`${new URL(page.url()).origin}/api/v1/session`)
      await leave()
    }
    expect(left.flatMap(({ complaints }) => complaints)).toEqual([])
  })

  async function open(url = hub.url, options = {}): Promise<Page> {
    const visitor = await visit(browser, url, options)
    visitors.push(visitor)
    return visitor.page
  }

  return {
    get hub() {
      return hub
    },
    open,
    async openSignedIn(name = 'Ada', url = hub.url, options = {}) {
      const page = await open(url, options)
      await signIn(page, name)
      return page
    },
    async leave() {
      for (const { leave } of visitors.splice(0)) await leave()
    },
  }
}
