// Segmenting once more what is here: what is asked of the hub for each of the pictures.

import { given } from './choice'
import { sampleOf } from './channels'
import type { Job, Wishes } from './protocol'
import { pictureOf } from './rows'

/** What is asked of several images at once. */
export interface Request {
  images: string[]
  wishes: Wishes
}

const portion = 100 // images of one request
const longest = 1000 // characters of a list of pages: a hub takes a field of 1024

/** picturesOf gives the last job of each picture; of several results of one, the newest is gone by. */
export function picturesOf(jobs: Iterable<Job>): Job[] {
  return [...new Map([...jobs].map((job) => [pictureOf(job), job])).values()]
}

/** wishesOf are the settings that a picture keeps: all of the model that it was segmented with, none of another but what is about the picture. */
export function wishesOf({ model: before, options = {}, diameter }: Job, model: string): Wishes {
  if (before === model) return given({ ...options, diameter: diameter ?? undefined })
  return given({ exclude_border: options.exclude_border, detect_holes: options.detect_holes })
}

/** planeOf says what of its page a picture is, where that is not all of it: one of the samples, or the brightest of all depths. */
function planeOf(job: Job): Wishes {
  return given({ channel: sampleOf(job) || undefined, projection: job.projection === 'max' ? job.projection : undefined })
}

/** listsOf are lists of pages, counted from 0, as the hub takes them: numbers from 1 and ranges, of a length that it takes. */
function listsOf(pages: readonly number[]): string[] {
  const ranges: [number, number][] = []
  for (const page of pages.toSorted((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last && last[1] === page) last[1]++
    else ranges.push([page + 1, page + 1])
  }
  const lists: string[] = []
  for (const [from, to] of ranges) {
    const range = from === to ? String(from) : `${from}-${to}`
    const together = `${lists.at(-1)},${range}`
    if (lists.length > 0 && together.length <= longest) lists[lists.length - 1] = together
    else lists.push(range)
  }
  return lists
}

/** requestsOf asks for the pictures of these jobs, and for no other page of their files: as they were, but for the wishes. */
export function requestsOf(jobs: readonly Job[], model: string, wishes: { [Key in keyof Wishes]?: Wishes[Key] | undefined } = {}): Request[] {
  const byImage = new Map<string, { job: Job; wishes: Wishes; pages: number[] }>() // and its settings
  for (const job of picturesOf(jobs)) {
    const asked = { ...wishesOf(job, model), ...planeOf(job), ...given(wishes) }
    // The first page of a projection stands for all depths, if it is asked for alone.
    const name = [job.image_id, asked.projection ? job.page : '', JSON.stringify(asked)].join()
    const known = byImage.get(name)
    if (known) known.pages.push(job.page)
    else byImage.set(name, { job, wishes: asked, pages: [job.page] })
  }
  const alike = new Map<string, Request>()
  for (const { job, wishes, pages } of byImage.values()) {
    for (const some of pages.length < job.pages ? listsOf(pages) : [undefined]) {
      const asked = given({ ...wishes, pages: some })
      const name = JSON.stringify(asked)
      const known = alike.get(name)
      if (known) known.images.push(job.image_id)
      else alike.set(name, { images: [job.image_id], wishes: asked })
    }
  }
  return [...alike.values()].flatMap(({ images, wishes }) =>
    Array.from({ length: Math.ceil(images.length / portion) }, (_, at) => ({ images: images.slice(at * portion, (at + 1) * portion), wishes })),
  )
}
