// Segmenting once more what is here: what is asked of the hub for each of the pictures.

import { given } from './choice'
import type { Job, Wishes } from './protocol'
import { pictureOf } from './rows'

/** What is asked of several images at once. */
export interface Request {
  images: string[]
  wishes: Wishes
}

const portion = 100 // images of one request

/** picturesOf gives the last job of each picture; of several results of one, the newest is gone by. */
export function picturesOf(jobs: Iterable<Job>): Job[] {
  return [...new Map([...jobs].map((job) => [pictureOf(job), job])).values()]
}

/** wishesOf are the settings that a picture keeps: all of the model that it was segmented with, none of another but what is about the picture. */
export function wishesOf({ model: before, options = {}, diameter }: Job, model: string): Wishes {
  if (before === model) return given({ ...options, diameter: diameter ?? undefined })
  return given({ exclude_border: options.exclude_border, detect_holes: options.detect_holes })
}

/** requestsOf asks for the pictures of these jobs, and for no other page of their files: as they were, but for the wishes. */
export function requestsOf(jobs: readonly Job[], model: string, wishes: { [Key in keyof Wishes]?: Wishes[Key] | undefined } = {}): Request[] {
  const byImage = new Map<string, { job: Job; wishes: Wishes; pages: number[] }>() // and its settings
  for (const job of picturesOf(jobs)) {
    const asked = { ...wishesOf(job, model), ...given(wishes) }
    const name = job.image_id + JSON.stringify(asked)
    const known = byImage.get(name)
    if (known) known.pages.push(job.page)
    else byImage.set(name, { job, wishes: asked, pages: [job.page] })
  }
  const alike = new Map<string, Request>()
  for (const { job, wishes, pages } of byImage.values()) {
    const some = pages.length < job.pages ? pages.sort((a, b) => a - b).map((page) => page + 1).join() : undefined
    const asked = given({ ...wishes, pages: some })
    const name = JSON.stringify(asked)
    const known = alike.get(name)
    if (known) known.images.push(job.image_id)
    else alike.set(name, { images: [job.image_id], wishes: asked })
  }
  return [...alike.values()].flatMap(({ images, wishes }) =>
    Array.from({ length: Math.ceil(images.length / portion) }, (_, at) => ({ images: images.slice(at * portion, (at + 1) * portion), wishes })),
  )
}
