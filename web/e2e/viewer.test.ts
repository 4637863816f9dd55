// The viewer and its instruments, in a browser, against the real hub.

import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Point, SegmentedObject } from '../src/lib/protocol'
import { paint } from '../test/png'
import { omeXML, tiff } from '../test/tiff'
import { allDone, chooseModel, drawnCoverage, faults, objectRows, rows, screenshot, settled, shownResult, takeSample, until } from './browser'
import { firstImage, pictures } from './pictures'
import { missing, setting } from './setting'

const images = resolve(import.meta.dirname, '../../../shared/data')

describe.skipIf(missing)('the viewer', () => {
  const the = setting()

  it('points from the list to the object and from the object to the list', async () => {
    const page = await the.openSignedIn()
    await takeSample(page)
    await allDone(page, 1)
    const first = objectRows(page).first()
    await first.waitFor()
    await drawnCoverage(page)
    const yellow = () => page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('canvas.lines')
      if (!canvas) return 0 // nothing stands out
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
      let count = 0
      for (let i = 0; i < data.length; i += 4) if (data[i]! > 240 && data[i + 1]! > 190 && data[i + 2]! < 130 && data[i + 3]! > 200) count++
      return count
    })
    expect(await yellow()).toBe(0)
    await first.hover()
    await until('the outline of the object', async () => (await yellow()) > 20)

    await first.click()
    await pressed(first)
    await page.keyboard.press('ArrowDown')
    await pressed((await objectRows(page).count()) > 1 ? objectRows(page).nth(1) : first)

    // The pointer over an object in the image lights up its row.
    const { objects, image } = await shownResult(page)
    await until('the row of the object', async () => {
      await page.mouse.move(...(await on(page, image, objects[0]!.centroid)))
      return page.locator('tr.hovered').count()
    })
  })

  it('zooms by wheel and keys, moves by dragging, and brings what is picked into sight', async () => {
    const page = await the.openSignedIn()
    await takeSample(page, 'Touching spheroids')
    await allDone(page, 1)
    await objectRows(page).nth(1).waitFor()
    const picture = page.locator('.stage .image')
    const box = async () => (await picture.boundingBox())!
    const whole = await box()
    const stage = (await page.locator('.stage').boundingBox())!
    const [x, y] = [stage.x + stage.width / 2, stage.y + stage.height / 2]

    await page.mouse.move(x, y)
    for (let i = 0; i < 6; i++) await page.mouse.wheel(0, -300)
    await until('a larger picture', async () => (await box()).width > 3 * whole.width)
    const zoomed = await settled(page, box)
    await page.mouse.down()
    await page.mouse.move(x + 40, y + 25, { steps: 4 })
    await page.mouse.up()
    const dragged = await settled(page, box)
    expect([dragged.x - zoomed.x, dragged.y - zoomed.y]).toEqual([expect.closeTo(40, 0), expect.closeTo(25, 0)])

    const { objects, image } = await shownResult(page)
    for (const [row, { centroid }] of objects.entries()) {
      await objectRows(page).nth(row).click()
      await until('the object in sight', async () => {
        const now = await box()
        const px = now.x + (centroid[0] / image.width) * now.width
        const py = now.y + (centroid[1] / image.height) * now.height
        return px > stage.x && px < stage.x + stage.width && py > stage.y && py < stage.y + stage.height
      })
    }
    await screenshot(page, 'zoomed-1280-light')

    await page.locator('.stage').focus()
    await page.keyboard.press('0')
    await until('the whole picture again', async () => Math.abs((await box()).width - whole.width) < 1)
    await page.keyboard.press('+')
    await until('a larger picture by key', async () => (await box()).width > 1.2 * whole.width)
  })

  it('shows what could not be had at first, once the hub answers', async () => {
    const page = await the.openSignedIn()
    await page.route(/preview\?size=2048|probability/, (route) => route.abort())
    await page.route(/\/result$/, (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"code":"unavailable","title":"Not now","detail":"Not now."}' }))
    await takeSample(page)
    await allDone(page, 1)
    await drawnCoverage(page)
    await page.getByRole('alert').getByText('Not now').waitFor()
    await page.getByRole('radio', { name: 'Probability' }).check({ force: true })
    await page.getByText('The picture is on its way').waitFor()
    await until('no mask for the probability', () => page.locator('canvas.mask').evaluate((canvas: HTMLCanvasElement) => canvas.dataset.drawn === ''))
    await page.unrouteAll()
    await objectRows(page).first().waitFor()
    await drawnCoverage(page)
    await until('the picture', () => page.locator('.stage img').evaluate((image: HTMLImageElement) => image.naturalWidth > 0))
  })

  it('gives mask and objects to take home', async () => {
    const page = await the.openSignedIn()
    await takeSample(page)
    await allDone(page, 1)
    const take = async (name: string) => {
      const coming = page.waitForEvent('download')
      await page.getByRole('link', { name }).click()
      const download = await coming
      return { name: download.suggestedFilename(), data: readFileSync(await download.path()) }
    }
    const mask = await take('Mask PNG')
    expect(mask.name).toMatch(/^spheroid-unet_spherohq-0\.50-mask\.png$/)
    expect(mask.data.subarray(1, 4).toString()).toBe('PNG')
    const objects = await take('Objects JSON')
    expect(objects.name).toMatch(/-objects\.json$/)
    expect(JSON.parse(objects.data.toString()).summary.count).toBeGreaterThan(0)
  })

  it('is worked by keyboard alone', async () => {
    const page = await the.open()
    await page.locator('input[name=name]:focus').waitFor() // keys that are pressed before go nowhere
    await page.keyboard.type('Ada')
    await page.keyboard.press('Enter')
    await page.getByText('Live', { exact: true }).waitFor()
    await page.locator('button.sample').first().waitFor()
    await tabTo(page, 'button.sample:nth-of-type(2)')
    await page.keyboard.press('Enter')
    await allDone(page, 1)
    await objectRows(page).nth(1).waitFor()
    await tabTo(page, '[data-job] button')
    const steps = await tabTo(page, '.stage')
    expect(steps).toBeLessThanOrEqual(5)
    const width = async () => (await page.locator('.stage .image').boundingBox())!.width
    const before = await width()
    await page.keyboard.press('+')
    await until('a larger picture', async () => (await width()) > before)
    await tabTo(page, 'tr[data-row] button')
    await page.keyboard.press('ArrowDown')
    await pressed(objectRows(page).nth(1))
  })

  it('takes corrections, which another tab sees and which can be undone after a reload', async () => {
    const page = await the.openSignedIn()
    await takeSample(page, 'Nuclei')
    await allDone(page, 1)
    await objectRows(page).nth(3).waitFor()
    const before = await count(page)
    const other = await page.context().newPage()
    await other.goto(the.hub.url)
    await objectRows(other).nth(3).waitFor()
    await page.bringToFront() // what lies behind is painted once a second

    await objectRows(page).first().click()
    await page.keyboard.press('e') // opens the corrections
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Receipt' }).click()
    await page.getByRole('dialog').waitFor()
    for (const key of ['Delete', 'Escape']) await page.keyboard.press(key) // are the dialog's
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await page.keyboard.press('Delete')
    await until('one less', async () => (await count(page)) === before - 1)
    await until('one less in the other tab', async () => (await count(other)) === before - 1)

    // A line across the middle of a nucleus makes two of it.
    const { objects, image } = await shownResult(page)
    const edge = 60 // pixels of the image that the zoom's buttons and the scale bar may lie over
    const free = objects.filter(({ bbox: [left, , width] }) => left > edge && left + width < image.width - edge)
    const [whole] = free.toSorted((a, b) => (b.solidity ?? 0) - (a.solidity ?? 0) || b.area - a.area)
    const [left, , width] = whole!.bbox
    const y = whole!.centroid[1]
    await page.keyboard.press('s')
    await draw(page, image, [[left - 3, y], [left + width / 2, y], [left + width + 3, y]])
    await until('one more', async () => (await count(page)) === before)
    await screenshot(page, 'corrected-1280-light')

    await page.reload()
    await objectRows(page).nth(3).waitFor()
    await page.getByRole('button', { name: 'Corrections' }).click()
    for (const want of [before - 1, before]) {
      await page.getByRole('button', { name: 'Undo' }).click()
      await until('the step back', async () => (await count(page)) === want)
    }
    for (const want of [before - 1, before]) {
      await page.getByRole('button', { name: 'Redo' }).click()
      await until('the step forth', async () => (await count(page)) === want)
    }

    // What was corrected is what other programs get.
    await page.getByRole('tab', { name: 'Export' }).click()
    await page.getByLabel('What to export').selectOption('this')
    const coming = page.waitForEvent('download')
    await page.getByRole('button', { name: 'CSV' }).click()
    const [heads, ...lines] = readFileSync(await (await coming).path(), 'utf8').trim().split('\n')
    expect([lines.length, lines.filter((line) => line.split(',')[heads!.split(',').indexOf('edited')] === '1').length]).toEqual([before, 2])
    expect(await faults(page)).toEqual([])
  })

  it('measures at another threshold, compares two results, and takes them to other programs', async () => {
    const page = await the.openSignedIn()
    await takeSample(page)
    await allDone(page, 1)
    await objectRows(page).first().waitFor()
    await page.getByRole('button', { name: 'Threshold' }).click()
    await page.getByRole('slider', { name: /Threshold/ }).last().fill('0.9')
    await page.getByText('at this threshold').waitFor()
    await page.getByRole('button', { name: 'Keep' }).click()
    await until('the kept revision', async () => (await shownResult(page)).revision === 2)
    await page.getByText('at this threshold').waitFor({ state: 'detached' })
    expect(await page.getByRole('button', { name: 'Threshold', expanded: true }).count()).toBe(1) // for the next try

    await page.getByRole('button', { name: 'Segment again…' }).click()
    await page.getByRole('button', { name: 'Segment', exact: true }).click()
    await allDone(page, 2)
    expect(await page.getByRole('button', { name: 'Play' }).count()).toBe(0) // there is one page, however often it is segmented
    await page.getByRole('button', { name: 'Segment again…' }).click()
    await page.getByRole('dialog').getByLabel('Model').selectOption('hrnet')
    await page.getByRole('button', { name: 'Segment', exact: true }).click()
    await allDone(page, 3)
    await page.getByLabel('Compare with').selectOption({ index: 1 })
    await until('two windows', async () => (await page.locator('.stage').count()) === 2)
    await page.locator('.stage').first().press('+')
    const widths = async () => Promise.all((await page.locator('.stage .image').all()).map(async (each) => (await each.boundingBox())!.width))
    await until('both nearer', async () => (await widths()).every((width, _, [first]) => Math.abs(width - first!) < 1))
    await page.getByLabel('Difference').check()
    await until('one window', async () => (await page.locator('.stage').count()) === 1)
    await page.getByText('only there').waitFor()

    await page.getByRole('tab', { name: 'Export' }).click()
    const coming = page.waitForEvent('download')
    await page.getByRole('button', { name: 'CSV' }).click()
    const download = await coming
    expect(download.suggestedFilename()).toMatch(/\.(csv|zip)$/)
    await page.getByRole('button', { name: 'Receipt' }).click()
    await page.getByRole('rowheader', { name: 'model.sha256' }).waitFor()
  })

  if (!existsSync(images)) console.log('left out: real images are absent: ../shared/data')
  it.skipIf(!existsSync(images))('shows real images with their masks', async () => {
    const page = await the.openSignedIn()
    const sets = [
      { set: 'spheroid', folder: 'spheroids', model: 'hrnet' },
      { set: 'nuclei', folder: 'nuclei_val', model: 'unet_nuclei' },
    ]
    for (const [index, { folder, model }] of sets.entries()) {
      await chooseModel(page, model)
      await page.locator('input[type=file]').setInputFiles(firstImage(join(images, folder)))
      await allDone(page, index + 1)
    }
    for (const [index, { set }] of sets.entries()) {
      await rows(page).nth(index).getByRole('button').first().click()
      await page.waitForFunction(() => {
        const shown = document.querySelector('[aria-current=true]')?.closest<HTMLElement>('[data-job]')?.dataset.job
        return shown && document.querySelector<HTMLCanvasElement>('canvas.mask')?.dataset.drawn === shown
      })
      const coverage = await drawnCoverage(page)
      expect(coverage).toBeGreaterThan(0.001)
      expect(coverage).toBeLessThan(0.9)
      await screenshot(page, `real-${set}-1280-light`)
    }
  })

  it('takes every correction by mouse', async () => {
    const page = await the.openSignedIn()
    await threeBodies(page)
    const { objects, image } = await shownResult(page)
    const before = objects.length
    const newest = async () => (await shownResult(page)).objects.at(-1)!
    const becomes = (what: string, holds: (object: SegmentedObject) => boolean) => until(what, async () => holds(await newest()))

    // A line makes two of one, and two presses make one of two.
    const whole = objects.toSorted((a, b) => b.area - a.area)[0]!
    const [left, top, width, height] = whole.bbox
    await page.keyboard.press('s')
    await draw(page, image, [[left - 3, whole.centroid[1]], [left + width / 2, whole.centroid[1]], [left + width + 3, whole.centroid[1]]])
    await until('two of one', async () => (await count(page)) === before + 1)
    const halves = (await shownResult(page)).objects.filter(({ bbox: [x, y, w, h] }) => x >= left && y >= top && x + w <= left + width && y + h <= top + height)
    await page.keyboard.press('m')
    for (const half of halves.toSorted((a, b) => b.area - a.area).slice(0, 2)) await page.mouse.click(...(await on(page, image, inside(half))))
    await until('one of two', async () => (await count(page)) === before)

    const [x, y] = clearing(objects, image)
    await page.keyboard.press('n')
    await draw(page, image, [[x - 4, y], [x + 4, y]])
    await until('a new object', async () => (await count(page)) === before + 1)
    const fresh = await newest()
    expect([fresh.edited, Math.abs(fresh.centroid[0] - x) < 2, Math.abs(fresh.centroid[1] - y) < 2]).toEqual([true, true, true])

    await page.keyboard.press('b')
    await draw(page, image, [[x, y], [x, y + 12]])
    await becomes('a larger object', ({ id, area }) => id === fresh.id && area > fresh.area)
    await page.locator('tr[data-row] button[aria-pressed=true]').waitFor() // the page has it, too
    const { area } = await newest()
    await page.keyboard.press('e')
    await draw(page, image, [[x, y + 16], [x, y + 12]])
    await becomes('a smaller object', (object) => object.id === fresh.id && object.area < area)

    for (let step = 0; step < 5; step++) await page.keyboard.press('Control+z')
    await until('all of it undone', async () => String((await shownResult(page)).objects.map(({ area }) => area)) === String(objects.map(({ area }) => area)))
    await until('the count of before', async () => (await count(page)) === before)
  })

  it('takes every correction by keyboard', async () => {
    const page = await the.openSignedIn()
    await threeBodies(page)
    const before = (await shownResult(page)).objects
    const areaOf = async (id: number) => (await shownResult(page)).objects.find((object) => object.id === id)?.area ?? 0
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key)
    }

    const { id, area } = before[0]! // the smallest
    const chooseFirst = async () => {
      await objectRows(page).first().getByRole('button').focus()
      await press('ArrowDown', 'ArrowUp')
    }
    await chooseFirst()
    await press('b')
    await page.getByText('Space puts the pen down').waitFor()
    await page.locator('.stage').focus()
    // From the middle of the chosen object to the right.
    await press(' ', ...Array<string>(12).fill('ArrowRight'), 'Enter')
    await until('a larger object', async () => (await areaOf(id)) > area)
    const larger = await areaOf(id)
    await press('e', 'Enter')
    await until('a smaller object', async () => (await areaOf(id)) < larger)

    await press('Control+z', 'Control+z')
    await until('both undone', async () => (await areaOf(id)) === area)
    await chooseFirst()
    await press('s')
    await page.locator('.stage').focus()
    await press('Enter') // across its longer side
    await until('two of one', async () => (await count(page)) === before.length + 1)
    await chooseFirst()
    await press('Escape', 'Delete')
    await until('one less', async () => (await count(page)) === before.length)
  })

  it('shows a pyramid as deep as it goes', async () => {
    const page = await the.openSignedIn()
    const sizes = [[2560, 1920], [1280, 960], [640, 480]] as const
    const [whole, ...smaller] = sizes.map(([width, height]) => {
      const at = width / 640
      return { width, height, samples: paint(width, height, [{ x: 200 * at, y: 200 * at, radius: 90 * at }, { x: 470 * at, y: 330 * at, radius: 70 * at }], 70, 180) }
    })
    await chooseModel(page, 'unet_spherohq')
    await page.locator('input[type=file]').setInputFiles({ name: 'slide.tif', mimeType: 'image/tiff', buffer: tiff(2560, 1920, [whole!.samples], '', smaller) })
    await allDone(page, 1)
    expect(await rows(page).count()).toBe(1)
    await page.locator('#image').getByText('2560 × 1920 px').waitFor()
    await page.locator('.stage').focus()
    for (let i = 0; i < 8; i++) await page.keyboard.press('+')
    await page.locator('canvas.detail').waitFor({ state: 'attached' })
    await until('its own pixels', () => page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('canvas.detail')!
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
      let drawn = 0
      for (let i = 3; i < data.length; i += 4) if (data[i] === 255) drawn++
      return drawn > data.length / 8
    }))
    await screenshot(page, 'pyramid-1280-light')
  })

  it('shows the channels of a file one by one or all in one, and its pages by keys', async () => {
    const page = await the.openSignedIn()
    const [width, height, names, depths] = [240, 180, ['DAPI', 'GFP', 'mCherry'], 2]
    // Each channel has a disc of its own in each depth.
    const planes = names.flatMap((_, c) => Array.from({ length: depths }, (_, z) => paint(width, height, [{ x: 50 + 60 * c, y: 60 + 50 * z, radius: 24 }], 200, 20)))
    await chooseModel(page, 'unet_spherohq')
    await page.locator('input[type=file]').setInputFiles({ name: 'stained.ome.tif', mimeType: 'image/tiff', buffer: tiff(width, height, planes, omeXML(width, height, names, depths)) })
    await allDone(page, planes.length)
    await rows(page).first().getByRole('button').first().click()
    const strip = page.getByRole('group', { name: 'Channels' })
    await strip.waitFor()
    expect((await strip.locator('label').allTextContents()).map((name) => name.trim())).toEqual([...names, 'Composite'])
    // What the picture shows in the middle of the disc of a channel, at the first depth.
    const colour = (channel: number) => page.evaluate(async (x) => {
      const img = document.querySelector<HTMLImageElement>('.image img')!
      if (!(await img.decode().then(() => true, () => false))) return null // it is given up for the next one
      const context = Object.assign(document.createElement('canvas'), { width: img.naturalWidth, height: img.naturalHeight }).getContext('2d')!
      context.drawImage(img, 0, 0)
      return [...context.getImageData(x, 60, 1, 1).data].slice(0, 3).map((light) => light > 120)
    }, 50 + 60 * channel)
    const shows = (what: string, channel: number, light: boolean[]) => until(what, async () => String(await colour(channel)) === String(light))

    await shows('the channel that was segmented', 0, [true, true, true])
    await strip.getByText('GFP').click()
    await shows('another channel', 1, [true, true, true])
    await page.keyboard.press('c')
    await page.keyboard.press('c')
    await until('the composite', () => strip.getByLabel('Composite').isChecked())
    await shows('cyan', 0, [false, true, true])
    await shows('magenta', 1, [true, false, true])
    await shows('yellow', 2, [true, true, false])
    await screenshot(page, 'composite-1280-light')

    await page.keyboard.press('.')
    await page.getByText('Page 2', { exact: true }).waitFor()
    await shows('the next depth', 0, [false, false, false])
    await page.keyboard.press(',')
    await page.getByText('Page 1', { exact: true }).waitFor()
    expect(await faults(page)).toEqual([])
  })

  it('shows of several series in one file the channels of each, and what there is where one is not', async () => {
    const page = await the.openSignedIn()
    const [width, height, series] = [240, 180, [['BF'], ['DAPI', 'GFP'], ['GFP', 'DAPI']]]
    const planes = series.flatMap((names) => names.map((_, c) => paint(width, height, [{ x: 50 + 60 * c, y: 60, radius: 24 }], 200, 20)))
    const images = series.map((names, i) => omeXML(width, height, names, 1).replace(/^.*?(?=<Image )|<\/OME>$/g, '').replace('IFD="0"', `IFD="${series.slice(0, i).flat().length}"`))
    await chooseModel(page, 'unet_spherohq')
    await page.locator('input[type=file]').setInputFiles({ name: 'places.ome.tif', mimeType: 'image/tiff', buffer: tiff(width, height, planes, `<OME>${images.join('')}</OME>`) })
    await allDone(page, planes.length)
    const strip = page.getByRole('group', { name: 'Channels' })
    const open = (number: number) => rows(page).nth(number - 1).getByRole('button').first().click()
    const channels = (names: string[]) => until(String(names), async () => (await strip.locator('label').allTextContents()).map((name) => name.trim()).join() === names.join())
    await open(4)
    await channels(['GFP', 'DAPI', 'Composite'])
    await strip.getByText('DAPI').click()
    await open(2)
    await channels(['DAPI', 'GFP', 'Composite'])
    expect(await strip.getByLabel('DAPI').isChecked()).toBe(true)
    await open(1)
    await channels([])
    await until('the overview', () => page.evaluate(() => (document.querySelector<HTMLImageElement>('.image img')?.naturalWidth ?? 0) > 0))
  })
})

/** Presses Tab until the focus is where it is wanted, and tells how often. */
async function tabTo(page: Page, wanted: string): Promise<number> {
  for (let steps = 1; steps <= 60; steps++) {
    await page.keyboard.press('Tab')
    if (await page.evaluate((selector) => document.activeElement?.matches(selector), wanted)) return steps
  }
  throw new Error(`60 Tabs do not come to ${wanted}`)
}

/** Has a picture of three bodies segmented by the quickest model. */
async function threeBodies(page: Page): Promise<void> {
  await chooseModel(page, 'unet_spherohq')
  await page.locator('input[type=file]').setInputFiles(pictures(1))
  await allDone(page, 1)
  await objectRows(page).nth(2).waitFor()
}

/** The number of objects that the page says it shows. */
async function count(page: Page): Promise<number> {
  const words = await page.getByText(/objects?, [\d.]+ % of the image/).textContent()
  return Number(/([\d,]+) objects?,/.exec(words ?? '')?.[1]?.replace(',', ''))
}

async function pressed(row: Locator): Promise<void> {
  await row.locator('button[aria-pressed=true]').waitFor()
}

type Size = { width: number; height: number }

/** Where a point of the picture is on the page. */
async function on(page: Page, image: Size, [x, y]: Point): Promise<Point> {
  const box = await settled(page, async () => (await page.locator('.stage .image').boundingBox())!)
  return [box.x + (x / image.width) * box.width, box.y + (y / image.height) * box.height]
}

/** Draws a line with the mouse. */
async function draw(page: Page, image: Size, line: readonly Point[]): Promise<void> {
  const points: Point[] = []
  for (const point of line) points.push(await on(page, image, point))
  await page.mouse.move(...points[0]!)
  await page.mouse.down()
  for (const point of points.slice(1)) await page.mouse.move(...point, { steps: 4 })
  await page.mouse.up()
}

/** A point in an object: the middle of the widest row of its outline's box that lies in it. */
function inside({ polygon, bbox: [left, top, width, height] }: SegmentedObject): Point {
  const y = top + Math.floor(height / 2) + 0.5
  const crossings = polygon.flatMap(([x, at], index) => {
    const [, next] = polygon[(index + 1) % polygon.length]!
    return at > y !== next > y ? [x] : []
  }).sort((a, b) => a - b)
  return crossings.length >= 2 ? [(crossings[0]! + crossings[1]!) / 2, y] : [left + width / 2, y]
}

/** A place in the picture without an object nearby. */
function clearing(objects: readonly SegmentedObject[], { width, height }: Size): Point {
  const room = 22
  for (let y = 2 * room; y < height - 2 * room; y += 6) {
    for (let x = 2 * room; x < width - 2 * room; x += 6) {
      const near = objects.some(({ bbox: [left, top, w, h] }) => x > left - room && x < left + w + room && y > top - room && y < top + h + room)
      if (!near) return [x, y]
    }
  }
  throw new Error('there is an object everywhere')
}
