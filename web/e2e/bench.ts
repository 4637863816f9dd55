// `npm run bench`: what the built page weighs, and how smoothly it moves 2,000 objects. Numbers of this machine, to be read and
// not to be asserted; a browser without a GPU paints in software.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { SegmentedObject } from '../src/lib/protocol'
import { FakeHub } from '../test/fakehub'
import { generator } from '../test/random'
import { launch, missing, signIn, takeSample, visit } from './browser'

const objects = 2_000
const corners = 34 // of a nucleus, in the middle
const seconds = 3

function nuclei(width: number, height: number): SegmentedObject[] {
  const random = generator(1)
  return Array.from({ length: objects }, (_, index): SegmentedObject => {
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

if (missing) {
  console.log(`left out: the page's frame times; ${missing}`)
} else {
  console.log(`page: ${weigh('dist')}`)
  const hub = await FakeHub.open()
  const browser = await launch()
  try {
    hub.pages = 'dist'
    hub.pace = 1
    hub.found = nuclei(640, 480)
    const { page } = await visit(browser, hub.url)
    const ready = await page.evaluate(() => performance.getEntriesByType('navigation').map((entry) => (entry as PerformanceNavigationTiming).domInteractive)[0])
    await signIn(page, 'Ada')
    await takeSample(page, 'Spheroids')
    await page.locator('tr[data-row]').first().waitFor()
    const stage = (await page.locator('.stage').boundingBox())!
    const [x, y] = [stage.x + stage.width / 2, stage.y + stage.height / 2]
    await page.mouse.move(x, y)
    await page.mouse.wheel(0, -250)
    await page.waitForTimeout(500)
    const frames = page.evaluate(async (seconds) => {
      const times: number[] = []
      const end = performance.now() + seconds * 1000
      for (let now = performance.now(); now < end; ) times.push((now = await new Promise(requestAnimationFrame)))
      return times.slice(1).map((time, i) => time - times[i]!).sort((a, b) => a - b)
    }, seconds)
    await page.mouse.down()
    for (let i = 0, until = Date.now() + seconds * 1000; Date.now() < until; i++) await page.mouse.move(x + 90 * Math.sin(i / 12), y + 60 * Math.cos(i / 15))
    await page.mouse.up()
    const gaps = await frames
    const at = (part: number) => gaps[Math.floor(part * (gaps.length - 1))]!.toFixed(1)
    console.log(`page: interactive after ${ready!.toFixed(0)} ms; panning ${objects} objects, a frame each ${at(0.5)} ms, 95 % within ${at(0.95)} ms, ${(gaps.length / seconds).toFixed(0)} a second`)
  } finally {
    await browser.close()
    await hub.close()
  }
}
