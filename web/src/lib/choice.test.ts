import { expect, test, vi } from 'vitest'
import { tiff } from '../../test/tiff'
import { askedOf, decide } from './choice'
import type { Model, Wishes } from './protocol'

test('a diameter is asked of models that have one alone', () => {
  const model = { diameter: { best: 34, least: 24, most: 60 } } as Model
  const wishes = { diameter: 12, threshold: 0.4 }
  expect(askedOf(model, wishes)).toEqual(wishes)
  expect(askedOf(model, { threshold: 0.4 })).toEqual({ threshold: 0.4 })
  for (const other of [{ diameter: null } as Model, {} as Model, undefined]) expect(askedOf(other, wishes)).toEqual({ threshold: 0.4 })
})

test('what is too small for a spheroid is proposed to be left out, by the size of each picture', async () => {
  const model = { id: 'spheroids', title: 'Spheroids', description: '' } as Model
  const picture = (id: number, width: number, height: number, bodies: number) => {
    const samples = new Uint8Array(width * height).map((_, i) => (Math.floor(i / width) % 10 < 8 && i % width < 20 * bodies && (i % 20) < 16 ? 30 : 200))
    return { id, file: new File([new Uint8Array(tiff(width, height, [samples]))], `${id}.tif`) }
  }
  const files = [picture(1, 200, 10, 1), picture(2, 400, 10, 3), picture(3, 100, 20, 1), picture(4, 400, 10, 20)]
  const asked = async (wishes: Wishes) => (await decide(files, [model], wishes)).map(({ ids, settings }) => [ids, settings.options])
  expect(await asked({ threshold: 0.4 })).toEqual([
    [[1, 3], { threshold: 0.4, min_area: 1 }],
    [[2], { threshold: 0.4, min_area: 2 }],
    [[4], { threshold: 0.4 }],
  ])
  expect(await asked({ min_area: 0 })).toEqual([[1, 3], [2], [4]].map((ids) => [ids, { min_area: 0 }]))
})

test('a folder is judged by its images, however many notes lie beside them', async () => {
  const models = ['Spheroids', 'Nuclei'].map((title) => ({ id: title.toLowerCase(), title, description: '' }) as Model)
  const samples = new Uint8Array(100 * 40).map((_, i) => (Math.floor(i / 100) % 10 < 4 && i % 10 < 4 ? 220 : 10))
  const stained = new Uint8Array(tiff(100, 40, [samples]))
  const files = Array.from({ length: 24 }, (_, id) => ({
    id, file: id % 6 === 2 ? new File([stained], `${id}.tif`, { type: 'image/tiff' }) : new File(['notes'], `${id}.txt`, { type: 'text/plain' }),
  }))
  expect((await decide(files, models, {})).map(({ ids, subject, settings }) => [ids.length, subject, settings.model])).toEqual([[24, 'nuclei', 'nuclei']])
})

test('what the browser shows and cannot be looked at is proposed unseen, as where there is no room for one more canvas', async () => {
  vi.stubGlobal('createImageBitmap', async () => ({ width: 10, height: 10, close: () => undefined }))
  vi.stubGlobal('document', { createElement: () => ({ getContext: () => null }) })
  const [model] = [{ id: 'unet', title: 'U-Net', description: '' } as Model]
  const decisions = await decide([{ id: 7, file: new File(['picture'], 'a.png') }], [model!], {})
  vi.unstubAllGlobals()
  expect(decisions).toMatchObject([{ ids: [7], subject: null, settings: { model: 'unet' } }])
})

test('pictures of one gesture are looked at one after the other: a browser unpacks each of them whole', async () => {
  let [open, most] = [0, 0]
  vi.stubGlobal('createImageBitmap', async () => {
    most = Math.max(most, ++open)
    return { width: 8, height: 8, close: () => open-- }
  })
  vi.stubGlobal('document', { createElement: () => ({ getContext: () => ({ drawImage: () => undefined, getImageData: () => ({ data: new Uint8ClampedArray(4 * 64) }) }) }) })
  const model = { id: 'unet', title: 'U-Net', description: '' } as Model
  const files = Array.from({ length: 30 }, (_, id) => ({ id, file: new File(['picture'], `${id}.png`, { type: 'image/png' }) }))
  const decisions = await decide(files, [model], {})
  vi.unstubAllGlobals()
  expect(decisions).toMatchObject([{ subject: 'spheroids' }])
  expect([most, open]).toEqual([1, 0])
})
