// `npm run bench`: what the built page weighs, how smoothly it moves 2,000 objects and scrolls 2,000 images, and how soon another tab
// shows a correction. Numbers of this machine, to be read and not to be asserted; a browser without a GPU paints in software.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright-core'
import type { SegmentedObject } from '../src/lib/protocol'
import { FakeHub } from '../test/fakehub'
import { generator } from '../test/random'
import { launch, missing as browserMissing, objectRows, signIn, takeSample, visit } from './browser'
import { missing as binaryMissing, startHub } from './hub'

const many = 2_000
const corners = 34 // of a nucleus, in the middle
const seconds = 3

function nuclei(width: number, height: number): SegmentedObject[] {
  const random = generator(1)
  return Array.from({ length: many }, (_, index): SegmentedObject => {
    const [x, y, radius] = [random() * width, random() * height, 4 + random() * 3]
    const polygon = Array.from({ length: corners }, (_, i): [number, number] => [x + radius * Math.cos((i / corners) * 2 * Math.PI), y + radius * Math.sin((i / corners) * 2 * Math.PI)])
    return { id: index + 1, polygon, holes: [], bbox: [x - radius, y - radius, 2 * radius, 2 * radius], area: 100, perimeter: 30, centroid: [x, y], mean_probability: 0.9 }
  })
}

function weigh(dist: string): string {
  const html = readFileSync(join(dist, 'index.html'), 'utf8')
  const weight = (name: string) => gzipSync(readFileSync(join(dist, name)), { level: 6 }).length / 1000
  // What the page asks for before the first image: what the document names, and what that imports.
  const first = new Set([...html.matchAll(/\.\/(assets\/[^"]+)/g)].map(([, name]) => name!))
  for (const name of first) {
    if (!name.endsWith('.js')) continue
    for (const [, imported] of readFileSync(join(dist, name), 'utf8').matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) first.add(`assets/${imported}`)
  }
  const names = readdirSync(join(dist, 'assets')).map((name) => `assets/${name}`)
  const sum = (which: readonly string[]) => which.reduce((total, name) => total + weight(name), 0).toFixed(1)
  return `first load ${sum(['index.html', ...first])} kB gzipped, the rest ${sum(names.filter((name) => !first.has(name)))} kB`
}

/** Sorted times between frames, in ms, while something is done; it is told when to end, by Date.now(). */
async function gapsWhile(page: Page, act: (until: number) => Promise<void>): Promise<number[]> {
  const frames = page.evaluate(async (seconds) => {
    const times: number[] = []
    const end = performance.now() + seconds * 1000
    for (let now = performance.now(); now < end; ) times.push((now = await new Promise(requestAnimationFrame)))
    return times.slice(1).map((time, i) => time - times[i]!).sort((a, b) => a - b)
  }, seconds)
  await act(Date.now() + seconds * 1000)
  return frames
}

function frameWords(gaps: readonly number[]): string {
  const at = (part: number) => gaps[Math.floor(part * (gaps.length - 1))]!.toFixed(1)
  return `a frame each ${at(0.5)} ms, 95 % within ${at(0.95)} ms, ${(gaps.length / seconds).toFixed(0)} a second`
}

async function moving(browser: Browser): Promise<void> {
  const hub = await FakeHub.open()
  try {
    hub.pages = 'dist'
    hub.pace = 1
    hub.found = nuclei(640, 480)
    const { page, leave } = await visit(browser, hub.url)
    const ready = await page.evaluate(() => performance.getEntriesByType('navigation').map((entry) => (entry as PerformanceNavigationTiming).domInteractive)[0])
    await signIn(page, 'Ada')
    await takeSample(page, 'Spheroids')
    await objectRows(page).first().waitFor()
    const stage = (await page.locator('.stage').boundingBox())!
    const [x, y] = [stage.x + stage.width / 2, stage.y + stage.height / 2]
    await page.mouse.move(x, y)
    await page.mouse.wheel(0, -250)
    await page.waitForTimeout(500)
    await page.mouse.down()
    const panning = await gapsWhile(page, async (until) => {
      for (let i = 0; Date.now() < until; i++) await page.mouse.move(x + 90 * Math.sin(i / 12), y + 60 * Math.cos(i / 15))
    })
    await page.mouse.up()
    console.log(`page: interactive after ${ready!.toFixed(0)} ms; panning ${many} objects, ${frameWords(panning)}`)

    for (let i = 1; i < many; i++) hub.setJob(hub.newJob(`well-${i}.png`).id, { state: 'done', count: 3 })
    const list = page.getByRole('list', { name: 'Images' })
    await page.locator(`[aria-setsize="${many}"]`).first().waitFor()
    const box = (await list.boundingBox())!
    await page.mouse.move(box.x + 50, box.y + 50)
    const scrolling = await gapsWhile(page, async (until) => {
      for (let i = 0; Date.now() < until; i++) await page.mouse.wheel(0, i % 60 < 30 ? 120 : -100)
    })
    console.log(`page: scrolling ${many} images, ${frameWords(scrolling)}`)
    await leave()
  } finally {
    await hub.close()
  }
}

/** How long it takes from a key in one tab until another has the correction on its screen. */
async function telling(browser: Browser): Promise<void> {
  const hub = await startHub()
  try {
    const { page, leave } = await visit(browser, hub.url)
    await signIn(page, 'Ada')
    await takeSample(page, 'Nuclei')
    await objectRows(page).nth(9).waitFor()
    const other = await page.context().newPage()
    await other.goto(hub.url)
    await objectRows(other).nth(9).waitFor()
    const times: number[] = []
    for (let i = 0; i < 5; i++) {
      const seen = other.evaluate(() => {
        const words = () => document.querySelector('section[aria-label=Numbers]')!.textContent!.match(/\d+ objects?,/)?.[0]
        const before = words()
        return new Promise<number>((resolve) => {
          const observer = new MutationObserver(() => {
            if (words() === before || words() === undefined) return
            observer.disconnect()
            resolve(Date.now())
          })
          observer.observe(document.body, { subtree: true, childList: true, characterData: true })
        })
      })
      await objectRows(page).nth(i).click()
      const pressed = Date.now()
      await page.keyboard.press('e')
      await page.keyboard.press('Escape')
      await page.keyboard.press('Delete')
      times.push((await seen) - pressed)
    }
    times.sort((a, b) => a - b)
    console.log(`page: another tab shows a correction after ${times[2]} ms, at most ${times.at(-1)} ms (of 5)`)
    await leave()
  } finally {
    await hub.stop()
  }
}

if (browserMissing) {
  console.log(`left out: the page's frame times; ${browserMissing}`)
} else {
  console.log(`page: ${weigh('dist')}`)
  const browser = await launch()
  try {
    await moving(browser)
    if (binaryMissing) console.log(`left out: how soon another tab shows a correction; ${binaryMissing}`)
    else await telling(browser)
  } finally {
    await browser.close()
  }
}
