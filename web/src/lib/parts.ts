// Parts of the page that are fetched after it. The hub may be away by then, or another one: an upgrade takes what the page that
// is open has not fetched yet.

import { mount } from './mount'

const every = 1_500 // ms

export interface Page {
  /** Where the page's own script lies, as its HTML says it. */
  script: string
  fetch: () => Promise<Response>
  reload: () => void
  wait: () => Promise<void>
}

const shown: Page = {
  get script() {
    return document.querySelector('script[type=module][src]')?.getAttribute('src') ?? ''
  },
  fetch: () => fetch(`${mount}/`, { cache: 'no-cache' }),
  reload: () => location.reload(),
  wait: () => new Promise((resolve) => setTimeout(resolve, every)),
}

/** partOf brings a part, after as many tries as it takes while it is wanted; null where it is not, or the page is loaded anew. */
export async function partOf<T>(load: () => Promise<T>, wanted: () => boolean, page = shown): Promise<T | null> {
  while (wanted()) {
    try {
      return await load()
    } catch {
      if (await outdated(page)) {
        page.reload()
        return null
      }
      await page.wait()
    }
  }
  return null
}

/** Whether the hub answers with another page than this one. */
async function outdated({ script, fetch }: Page): Promise<boolean> {
  try {
    const now = await fetch()
    return now.ok && !(await now.text()).includes(script)
  } catch {
    return false // away
  }
}
