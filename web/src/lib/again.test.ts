import { expect, it } from 'vitest'
import { requestsOf } from './again'
import type { Job } from './protocol'

const job = (image: string, part: Partial<Job> = {}): Job => ({ id: image, image_id: image, model: 'unet', page: 0, pages: 1, options: { threshold: 0.5, min_area: 40 }, ...part }) as Job

it('keeps what each picture was segmented with, but for what is wished', () => {
  const jobs = [job('a'), job('b', { options: { threshold: 0.5, min_area: 900 } }), job('c')]
  expect(requestsOf(jobs, 'unet', { threshold: 0.7 })).toEqual([
    { images: ['a', 'c'], wishes: { threshold: 0.7, min_area: 40 } },
    { images: ['b'], wishes: { threshold: 0.7, min_area: 900 } },
  ])
})

it('leaves to another model what is its own, and goes by the newest result of a picture', () => {
  const options = { threshold: 0.5, min_area: 40, exclude_border: true, split_touching: true }
  expect(requestsOf([job('a'), job('a', { id: 'later', options, diameter: 30 })], 'hrnet', { threshold: undefined })).toEqual([{ images: ['a'], wishes: { exclude_border: true } }])
})

it('asks for the chosen pages of a file alone, and for all by none', () => {
  const page = (image: string, page: number, pages: number) => job(image, { page, pages, options: {} })
  expect(requestsOf([page('stack', 4, 5), page('stack', 2, 5), page('both', 0, 2), page('both', 1, 2)], 'unet')).toEqual([
    { images: ['stack'], wishes: { pages: '3,5' } },
    { images: ['both'], wishes: {} },
  ])
})

it('keeps the channel of a page that has several, and a projection of all depths', () => {
  const jobs = [job('two', { channel: 1, options: {} }), job('deep', { page: 0, pages: 20, channel: 0, projection: 'max', options: {} }), job('deep', { page: 10, pages: 20, channel: 1, projection: 'max', options: {} })]
  for (const model of ['unet', 'hrnet']) {
    expect(requestsOf(jobs, model)).toEqual([
      { images: ['two'], wishes: { channel: '1' } },
      { images: ['deep'], wishes: { projection: 'max', pages: '1' } },
      { images: ['deep'], wishes: { projection: 'max', pages: '11' } },
    ])
  }
})

it('keeps the channel of each page of a stack whose pixels hold the channels, and takes channels of a page for two pictures', () => {
  const stack = [0, 1].flatMap((page) => [0, 1].map((sample) => job('stack', { id: `${page} ${sample}`, page, pages: 2, channel: sample, sample, options: {} })))
  expect(requestsOf(stack, 'unet')).toEqual([{ images: ['stack'], wishes: {} }, { images: ['stack'], wishes: { channel: '1' } }])
})

it('names many pages of a file in lists that a hub takes', () => {
  const asked = (pages: number[]) => requestsOf(pages.map((page) => job('film', { page, pages: 2_000, options: {} })), 'unet').map(({ wishes }) => wishes.pages)
  expect(asked(Array.from({ length: 320 }, (_, i) => i + 1))).toEqual(['2-321'])
  const scattered = asked(Array.from({ length: 500 }, (_, i) => 2 * i))
  expect(scattered.join().split(',')).toEqual(Array.from({ length: 500 }, (_, i) => String(2 * i + 1)))
  expect(Math.max(...scattered.map((pages) => pages!.length))).toBeLessThanOrEqual(1024)
})

it('takes many images in portions', () => {
  const jobs = Array.from({ length: 250 }, (_, i) => job(String(i)))
  expect(requestsOf(jobs, 'unet').map(({ images }) => images.length)).toEqual([100, 100, 50])
})
