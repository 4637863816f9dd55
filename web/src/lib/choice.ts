// What the person asks of the next images: a model, or to be proposed one, and what is to differ from the model's own
// settings. It outlives the page.

import type { Model, Options, Wishes } from './protocol'
import { greyOf, propose, subjectOf, type Subject } from './propose'
import type { Settings } from './uploads'

export interface Choice {
  model: string // id; '' has one proposed for each image
  wishes: Wishes
}

export const proposed = ''

/** The settings that hold for a model with what the person wishes. */
export function effective(model: Model | undefined, wishes: Wishes): Options {
  return {
    threshold: wishes.threshold ?? model?.threshold ?? 0.5,
    min_area: wishes.min_area ?? model?.min_area ?? 0,
    exclude_border: wishes.exclude_border ?? false,
    detect_holes: wishes.detect_holes ?? true,
    split_touching: wishes.split_touching ?? model?.split_touching ?? false,
  }
}

/** Of a wish for another model, what is about the images and not about the model. */
export function withoutModels({ exclude_border, detect_holes, pixel_size }: Wishes): Wishes {
  return given({ exclude_border, detect_holes, pixel_size })
}

/** What is asked of a model: of the wishes, none that it does not know. */
export function askedOf(model: Model | undefined, { diameter, ...wishes }: Wishes): Wishes {
  return given({ ...wishes, diameter: model?.diameter ? diameter : undefined })
}

/** given leaves out what is undefined: a hub that does not know a field refuses it. */
export function given(wishes: { [Key in keyof Wishes]?: Wishes[Key] | undefined }): Wishes {
  return Object.fromEntries(Object.entries(wishes).filter(([, value]) => value !== undefined)) as Wishes
}

export interface Decision {
  ids: number[]
  settings: Settings
  /** null where the browser cannot look into the files. */
  subject: Subject | null
  model: Model
}

const looksAt = 5 // files of one gesture; they are mostly of one kind

/** decide proposes a model for files that came together: by a look at each of few, or at some of many. */
export async function decide(files: readonly { id: number; file: File }[], models: readonly Model[], wishes: Wishes): Promise<Decision[]> {
  if (files.length > 2 * looksAt) {
    const step = files.length / looksAt
    const some = Array.from({ length: looksAt }, (_, i) => files[Math.floor(i * step)]!)
    const votes = await Promise.all(some.map(({ file }) => look(file)))
    const nuclei = votes.filter((vote) => vote === 'nuclei').length
    const seen = votes.some((vote) => vote !== null)
    return [decision(files, !seen ? null : nuclei * 2 > looksAt ? 'nuclei' : 'spheroids', models, wishes)].flat()
  }
  const bySubject = new Map<Subject | null, { id: number }[]>()
  for (const item of files) {
    const subject = await look(item.file)
    bySubject.set(subject, [...(bySubject.get(subject) ?? []), item])
  }
  return [...bySubject].flatMap(([subject, items]) => decision(items, subject, models, wishes))
}

function decision(items: readonly { id: number }[], subject: Subject | null, models: readonly Model[], wishes: Wishes): Decision[] {
  const model = subject ? propose(models, subject)?.model : models[0]
  return model ? [{ ids: items.map(({ id }) => id), settings: { model: model.id, options: askedOf(model, wishes) }, subject, model }] : []
}

async function look(file: File): Promise<Subject | null> {
  const grey = await greyOf(file)
  return grey && subjectOf(grey)
}
