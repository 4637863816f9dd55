// The page as people use it: in a browser, against the real hub.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { paint } from '../test/png'
import { tiff } from '../test/tiff'
import { allDone, chooseModel, drawnCoverage, faults, jobs, objectRows, overflow, rows, screenshot, signIn, takeSample, unfold, until } from './browser'
import { startHub } from './hub'
import { discs, pictures } from './pictures'
import { missing, setting } from './setting'

if (missing) console.log(`left out: the browser tests; ${missing}`)

const weights = resolve(import.meta.dirname, '../../models/weights')

describe.skipIf(missing)('the page', () => {
  const the = setting()

  it('takes an image from the sample to the mask, and keeps it through a reload', async () => {
    const page = await the.openSignedIn()
    // Stages pass quickly: how much room the picture has is written down as it changes.
    await page.evaluate(() => {
      const rooms = new Set<string>()
      Object.assign(window, { rooms })
      new MutationObserver(() => {
        if (document.querySelector('.banner')) return // on a busy machine the line is given up, or a file takes long to copy
        const stage = document.querySelector('.stage')?.getBoundingClientRect()
        if (stage) rooms.add(JSON.stringify(stage))
      }).observe(document.body, { subtree: true, childList: true, characterData: true })
    })
    await chooseModel(page, 'hrnet') // the one that takes longest for it
    await takeSample(page)
    await allDone(page, 1)
    const rooms = await page.evaluate(() => [...(window as unknown as { rooms: Set<string> }).rooms])
    expect(rooms).toHaveLength(1) // what comes moves nothing
    expect(await rows(page).locator('.state').textContent()).toMatch(/\d+ objects?, (waited .*, )?took /)

    const drawn = await drawnCoverage(page)
    const summary = await page.getByText(/objects?, [\d.]+ % of the image/).textContent()
    const [, count, covered] = /([\d,]+) objects?, ([\d.]+) %/.exec(summary ?? '') ?? []
    expect(Number(count)).toBeGreaterThan(0)
    expect(drawn).toBeCloseTo(Number(covered) / 100, 2)

    await objectRows(page).first().waitFor()
    const before = await objectRows(page).allTextContents()
    await page.reload()
    await allDone(page, 1)
    expect(await drawnCoverage(page)).toBeCloseTo(drawn, 5)
    await objectRows(page).first().waitFor()
    expect(await objectRows(page).allTextContents()).toEqual(before)
  })

  it('tells the newest of an image under a browser that translates pages', async () => {
    const page = await the.openSignedIn()
    // As browsers do it: where a page allows it, what stands in an element of their own takes the place of each text.
    await page.evaluate(() => {
      const translate = (root: Node) => {
        const texts: Text[] = []
        const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
        while (walker.nextNode()) texts.push(walker.currentNode as Text)
        for (const text of texts) {
          if (!text.data.trim() || !text.parentElement?.translate || text.parentElement.tagName === 'FONT') continue
          text.replaceWith(Object.assign(document.createElement('font'), { textContent: text.data }))
        }
      }
      translate(document.body)
      new MutationObserver((changes) => changes.forEach(({ target }) => translate(target))).observe(document.body, { childList: true, subtree: true })
    })
    await takeSample(page)
    await allDone(page, 1)
    await page.locator('#image footer').getByText(/^Done, /).waitFor()
    expect((await page.getByRole('region', { name: 'Images' }).locator('header p').textContent())?.trim()).toBe('1 image')
  })

  it('shows how far a large image has come', async () => {
    const page = await the.openSignedIn()
    await chooseModel(page, 'unet_nuclei')
    await page.evaluate(() => {
      const said: string[] = []
      Object.assign(window, { said })
      new MutationObserver(() => said.push(document.querySelector('[data-job] .state')?.textContent ?? '')).observe(document.body, { subtree: true, childList: true, characterData: true })
    })
    // Twenty-five tiles: of an image that is done at once the page may pass over all that comes before.
    const side = 2_000
    const nuclei = Uint8Array.from({ length: side * side }, (_, i) => (Math.hypot((i % 80) - 40, (Math.floor(i / side) % 80) - 40) < 15 ? 200 : 15))
    await page.locator('input[type=file]').setInputFiles({ name: 'large.tif', mimeType: 'image/tiff', buffer: tiff(side, side, [nuclei]) })
    await allDone(page, 1)
    const said = await page.evaluate(() => (window as unknown as { said: string[] }).said)
    expect(said.filter((words) => /\d+ %/.test(words))).not.toHaveLength(0)
    expect(await rows(page).locator('.state').textContent()).toMatch(/objects/)
  })

  it('counts what somebody sees in a sample', async () => {
    const page = await the.openSignedIn()
    for (const [done, [title, words]] of Object.entries({ Spheroid: /^1 object,/, 'Touching spheroids': /^3 objects,/ }).entries()) {
      await takeSample(page, title)
      await allDone(page, done + 1)
      await rows(page).locator('.state').filter({ hasText: words }).waitFor()
    }
  })

  it('takes images that are dropped anywhere on it', async () => {
    const page = await the.openSignedIn()
    await drop(page, 'header', ['left.png', 'right.png'], discs())
    await allDone(page, 2)
    expect(await rows(page).locator('.name').allTextContents()).toEqual(['left.png', 'right.png'])
    const shown = (name: string) => page.locator('#image h2', { hasText: name }).waitFor()
    for (const [row, name] of [[1, 'right.png'], [0, 'left.png']] as const) {
      await rows(page).nth(row).getByRole('button').first().click()
      await shown(name)
    }
    await page.reload()
    await shown('left.png') // what was looked at before
  })

  it('says what is wrong with a file, and takes the good one beside it', async () => {
    const page = await the.openSignedIn()
    await page.locator('input[type=file]').setInputFiles([
      { name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('These are words, not pixels.') },
      { name: 'good.png', mimeType: 'image/png', buffer: discs() },
    ])
    const refusal = page.getByRole('alert').filter({ hasText: 'notes.png' })
    await refusal.waitFor()
    expect(await refusal.textContent()).toMatch(/1 file was not taken.*notes\.png.*[A-Za-z ]{12,}/s)
    await allDone(page, 1)
    expect(await rows(page).count()).toBe(1)
    await screenshot(page, 'refused-1280-light')
    await refusal.getByRole('button', { name: 'Dismiss' }).click()
    await refusal.waitFor({ state: 'detached' })
  })

  it('keeps a hundred images smooth, and cancels them all', async () => {
    const page = await the.openSignedIn()
    await chooseModel(page, 'unet_nuclei') // so slow that some are left to cancel, however busy the browser is
    await page.locator('input[type=file]').setInputFiles(pictures(100))
    await page.getByText(/of 100 done/).waitFor()
    const listed = page.locator('[data-index][aria-setsize="100"]')
    await listed.nth(3).waitFor()
    expect(await listed.count()).toBeLessThan(40)
    await screenshot(page, 'hundred-1280-light')

    // Who has scrolled away from what is shown is left there, whatever happens meanwhile.
    await rows(page).locator('[aria-current=true]').waitFor()
    const list = page.getByRole('list', { name: 'Images' })
    const scrolled = await list.evaluate((element) => (element.scrollTop = 3_000))
    const words = () => page.getByRole('region', { name: 'Images' }).locator('header p').textContent()
    const before = await words()
    await until('something to happen', async () => (await words()) !== before)
    expect(await list.evaluate((element) => element.scrollTop)).toBe(scrolled)

    await page.getByRole('button', { name: 'Cancel all' }).click()
    await page.getByRole('button', { name: 'Cancel all' }).waitFor({ state: 'detached' })
    const states = (await jobs(page)).map(({ state }) => state)
    expect(states.filter((state) => state !== 'done' && state !== 'cancelled')).toEqual([])
    expect(states.filter((state) => state === 'done').length).toBeLessThan(100)

    await rows(page).getByRole('button').first().focus()
    await page.keyboard.press('End')
    await page.locator(`[data-index="${states.length - 1}"] [aria-current=true]:focus`).waitFor()
  })

  it('shows what a model is, and follows the models folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'seghub-e2e-models-'))
    const shipped = readFileSync(join(weights, 'unet_spherohq.onnx'))
    writeFileSync(join(folder, 'one.onnx'), shipped)
    const own = await startHub({ MODELS: folder })
    try {
      const page = await the.openSignedIn('Ada', own.url)
      const choice = page.getByRole('region', { name: 'Model' })
      const select = choice.getByRole('combobox')
      await select.selectOption('unet_spherohq')
      await choice.getByText('About this model').click()
      const card = await choice.locator('dl').textContent()
      for (const words of ['whole image', '512 × 512 pixels', 'CC BY 3.0', '574 images', 'pseudo-labels', 'Dice', 'MB, 32-bit']) expect(card).toContain(words)

      writeFileSync(join(folder, 'two.onnx'), renamed(shipped))
      await choice.locator('option', { hasText: 'U-Net Another' }).waitFor({ state: 'attached' })
      expect(await select.inputValue()).toBe('unet_spherohq')
      await select.selectOption('unet_another_')
      await takeSample(page)
      await allDone(page, 1)
      rmSync(join(folder, 'two.onnx'))
      await choice.getByText('U-Net Another is no longer at the hub. The next images go to U-Net SpheroHQ.').waitFor()
      await until('proposals again', async () => (await select.inputValue()) === '')
      await screenshot(page, 'model-gone-1280-light')
      await takeSample(page)
      await allDone(page, 2)
    } finally {
      await the.leave()
      await own.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('keeps files that are dropped on the door, and proposes a model for them', async () => {
    const page = await the.open()
    await page.getByLabel('Your name').waitFor()
    const nuclei = await (await page.request.get(`${the.hub.url}/samples/nuclei.png`)).body()
    await drop(page, 'body', ['nuclei.png'], nuclei)
    await page.getByText('1 file waits here').waitFor()
    await signIn(page, 'Ada')
    await allDone(page, 1)
    expect(await rows(page).locator('.made').textContent()).toMatch(/^U-Net nuclei · 0\.50/)
    await page.locator('.said', { hasText: 'U-Net nuclei is proposed' }).waitFor()
    const stained = tiff(320, 240, [paint(320, 240, Array.from({ length: 20 }, (_, i) => ({ x: 40 + 60 * (i % 5), y: 30 + 60 * Math.floor(i / 5), radius: 9 })), 200, 15)])
    await page.locator('input[type=file]').setInputFiles({ name: 'stained.tif', mimeType: 'image/tiff', buffer: stained })
    await allDone(page, 2)
    expect(await rows(page).nth(1).locator('.made').textContent()).toMatch(/^U-Net nuclei/)

    // What is chosen outlives the page.
    await chooseModel(page, 'hrnet')
    await page.getByLabel('Leave out crumbs below', { exact: true }).check()
    await page.reload()
    await allDone(page, 2)
    await unfold(page)
    await until('the model', async () => (await page.getByLabel('Model for the next images').inputValue()) === 'hrnet')
    await until('the wish', () => page.getByLabel('Leave out crumbs below', { exact: true }).isChecked())
  })

  it('has nothing that assistive technology stumbles over, in ten states', async () => {
    const page = await the.open()
    const look = async (state: string) => expect(await faults(page), state).toEqual([])
    await page.getByLabel('Your name').waitFor()
    await look('the door')
    await signIn(page, 'Ada')
    await page.locator('button.sample').first().waitFor()
    await look('no images')
    await page.getByText('About this model').click()
    await page.getByText('Advanced').click()
    await look('a model opened')
    await page.keyboard.press('?')
    await page.getByRole('dialog').waitFor()
    await look('keys and gestures')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await takeSample(page, 'Nuclei')
    await allDone(page, 1)
    await objectRows(page).first().waitFor()
    await look('a result')
    await objectRows(page).first().click()
    await look('an object chosen')
    for (const tab of ['Images', 'Histogram', 'Export']) {
      await page.getByRole('tab', { name: tab }).click()
      await look(tab)
    }
    await page.getByLabel('Select nuclei.png').check()
    await page.getByRole('button', { name: 'Segment again', exact: true }).click()
    await page.getByRole('dialog').waitFor()
    await look('segmenting again')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await page.emulateMedia({ colorScheme: 'dark' })
    await look('in the dark')
  })

  it.each([1280, 390])('fits a screen of %i px, light and dark', async (width) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await the.open(the.hub.url, { viewport: { width, height: 844 }, colorScheme })
      await screenshot(page, `door-${width}-${colorScheme}`)
      await signIn(page, 'Ada')
      await screenshot(page, `empty-${width}-${colorScheme}`)
      await takeSample(page)
      await allDone(page, 1)
      await drawnCoverage(page)
      await objectRows(page).first().waitFor()
      await screenshot(page, `result-${width}-${colorScheme}`)
      await unfold(page)
      await page.getByText('About this model').click()
      await screenshot(page, `card-${width}-${colorScheme}`)
      expect(await overflow(page)).toBeLessThanOrEqual(0)
    }
  })

  it('keeps its lines whole on every screen, in the longer languages', async () => {
    const page = await the.openSignedIn()
    await takeSample(page, 'Nuclei')
    await allDone(page, 1)
    for (const language of ['de', 'cs']) {
      await page.locator('select.language').selectOption(language) // loads the page anew
      await page.locator(`html[lang=${language}] [data-state=done]`).waitFor()
      await page.locator('tr[data-row]').first().waitFor()
      for (const width of [320, 390, 768, 1024, 1280, 1440, 3840]) {
        await page.setViewportSize({ width, height: Math.round(width / 1.7) })
        const footer = await page.locator('#image footer').evaluate(({ clientHeight }) => clientHeight)
        const cut = await page.locator(':has(> table tr[data-row])').evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)
        expect([language, width, await overflow(page), width < 1280 || (footer < 60 && cut <= 0)]).toEqual([language, width, 0, true])
      }
    }
  })
})

/** Drops pictures on an element, and sees that the page shows where they would fall. */
async function drop(page: Page, onto: string, names: string[], picture: Buffer): Promise<void> {
  const dataTransfer = await page.evaluateHandle(
    ([base64, ...names]) => {
      const transfer = new DataTransfer()
      const bytes = Uint8Array.from(atob(base64!), (char) => char.charCodeAt(0))
      for (const name of names) transfer.items.add(new File([bytes], name, { type: 'image/png' }))
      return transfer
    },
    [picture.toString('base64'), ...names],
  )
  await page.dispatchEvent(onto, 'dragenter', { dataTransfer })
  await page.getByText('Drop to segment').waitFor()
  await page.dispatchEvent(onto, 'drop', { dataTransfer })
  await page.getByText('Drop to segment').waitFor({ state: 'detached' })
}

/** The same model under another id and title, which are as long: no length in the file changes. */
function renamed(file: Buffer): Buffer {
  return Buffer.from(file.toString('latin1').replaceAll('unet_spherohq', 'unet_another_').replaceAll('U-Net SpheroHQ', 'U-Net Another '), 'latin1')
}
