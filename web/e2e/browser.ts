// A browser and the people who sit before it.

import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { chromium, type Browser, type BrowserContextOptions, type Locator, type Page } from 'playwright-core'
import type { Result } from '../src/lib/protocol'
import * as test from '../test/until'

const executable = process.env.CHROMIUM || '/usr/bin/chromium'
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const output = join(import.meta.dirname, 'output')

const patience = 300_000 // ms: a machine may be busy with other things

/** until waits for what the page does on its own time. */
export function until<T>(what: string, look: () => T | Promise<T>): Promise<NonNullable<T>> {
  return test.until(what, look, patience)
}

export const missing = existsSync(executable) ? null : `${executable} is absent`

export function launch(): Promise<Browser> {
  mkdirSync(output, { recursive: true })
  return chromium.launch({
    executablePath: executable,
    timeout: patience,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  })
}

export interface Visitor {
  page: Page
  /** What the browser complained of: broken scripts and breaches of the page's policy. */
  complaints: string[]
  leave: () => Promise<void>
}

/** visit opens the page in a browser profile of its own. */
export async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  context.setDefaultTimeout(patience)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (/Content Security Policy|Uncaught/.test(message.text())) complaints.push(message.text())
  })
  await page.goto(url)
  return { page, complaints, leave: () => context.close() }
}

export async function signIn(page: Page, name: string): Promise<void> {
  await page.getByLabel('Your name').fill(name)
  await page.getByRole('button', { name: 'Start' }).click()
  await page.getByText('Live', { exact: true }).waitFor()
  await page.getByLabel('Model for the next images').locator('option:not([value=""])').first().waitFor({ state: 'attached' })
}

/** takeSample uploads one of the hub's own pictures. */
export async function takeSample(page: Page, title = 'Spheroid'): Promise<void> {
  await unfold(page)
  await page.getByRole('button', { name: title, exact: true }).click()
}

/** unfold opens what folds away once there are images. */
export async function unfold(page: Page): Promise<void> {
  const fold = page.locator('details.fold')
  if ((await fold.count()) > 0) await fold.evaluate((details: HTMLDetailsElement) => (details.open = true))
}

export async function chooseModel(page: Page, id: string): Promise<void> {
  await unfold(page)
  await page.getByLabel('Model for the next images').selectOption(id)
}

export async function allDone(page: Page, count: number): Promise<void> {
  await page.waitForFunction((wanted) => document.querySelectorAll('[data-state="done"]').length >= wanted, count)
}

export const rows = (page: Page): Locator => page.locator('[data-job]')
export const objectRows = (page: Page): Locator => page.getByRole('table', { name: 'Objects' }).locator('tr[data-row]')

/** settled is what is read once it no longer changes from one picture of the page to the next. */
export async function settled<T>(page: Page, read: () => Promise<T>): Promise<T> {
  let before = ''
  return until('it to rest', async () => {
    await page.evaluate(() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted))))
    const now = await read()
    const same = JSON.stringify(now) === before
    before = JSON.stringify(now)
    return same ? { now } : null
  }).then(({ now }) => now)
}

/** The result that the page offers to take home. */
export async function shownResult(page: Page): Promise<Result> {
  const link = page.getByRole('link', { name: 'Objects JSON' })
  return (await page.request.get(await link.evaluate((element: HTMLAnchorElement) => element.href))).json()
}

/** The jobs of the page's session, as the hub lists them. */
export async function jobs(page: Page, hub = new URL(page.url()).origin): Promise<{ state: string }[]> {
  const answer = await page.request.get(`${hub}/api/v1/jobs?limit=1000`)
  return (await answer.json()).jobs
}

/** By how many pixels the page is wider than its window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
}

/** The share of the mask's pixels that cover something, once the mask of a job is drawn. */
export async function drawnCoverage(page: Page): Promise<number> {
  await page.waitForFunction(() => document.querySelector<HTMLCanvasElement>('canvas.mask')?.dataset.drawn)
  return page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('canvas.mask')!
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
    let covered = 0
    for (let i = 3; i < data.length; i += 4) if (data[i]! > 127) covered++
    return covered / (data.length / 4)
  })
}

/** screenshot writes what a person would see into e2e/output. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const narrow = (page.viewportSize()?.width ?? 0) < 500
  await page.screenshot({ path: join(output, `${name}.png`), fullPage: narrow })
}

/** faults is what axe finds that assistive technology would stumble over: the rule and where. */
export async function faults(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(axe, 'utf8')) // by the debugger: the page's policy allows no scripts but its own
  return page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: { run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }).axe.run()
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`))
  })
}
