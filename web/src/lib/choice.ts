// What the person asks of the next images: a model, or to be proposed one, and what is to differ from the model's own
// settings. It outlives the page.

import type { Model, Options, Wishes } from './protocol'
import { fewDark, lookAt, propose, subjectOf, subjects, type Subject } from './propose'
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
  /** null where nobody can look into the files here. */
  subject: Subject | null
  model: Model
  /** What the image asks of the model, where the person asks for nothing else. */
  proposed: Wishes
}

interface Seen {
  subject: Subject
  /** Square pixels: what is smaller is no body but dirt beside one; 0 to leave that to the model. */
  crumbs: number
}

const looksAt = 5 // files of one gesture; they are mostly of one kind
const ofSpheroid = 0.0005 // of its picture, that a spheroid covers at least: those drawn by hand cover twice as much

/** decide proposes a model for files that came together: by a look at each of few, or at some of many. */
export async function decide(files: readonly { id: number; file: File }[], models: readonly Model[], wishes: Wishes): Promise<Decision[]> {
  if (files.length > 2 * looksAt) {
    // A microscope's folder holds notes and tables beside its images, often as many.
    const images = files.filter(({ file }) => file.type.startsWith('image/'))
    const pool = images.length > 0 ? images : files
    const looks = Math.min(looksAt, pool.length)
    const some = Array.from({ length: looks }, (_, i) => pool[Math.floor((i * pool.length) / looks)]!)
    const votes: Seen[] = []
    for (const { file } of some) {
      const seen = await look(file) // one after the other: a browser unpacks each of them whole
      if (seen) votes.push(seen)
    }
    const subject = subjects.find((each) => votes.filter((vote) => vote.subject === each).length * 2 > votes.length) ?? 'spheroids'
    const crumbs = Math.min(...votes.filter((vote) => vote.subject === subject).map((vote) => vote.crumbs))
    return decision(files, votes.length > 0 ? { subject, crumbs: Number.isFinite(crumbs) ? crumbs : 0 } : null, models, wishes)
  }
  const alike = new Map<string, { seen: Seen | null; items: { id: number }[] }>()
  for (const item of files) {
    const seen = await look(item.file)
    const key = JSON.stringify(seen)
    alike.set(key, { seen, items: [...(alike.get(key)?.items ?? []), item] })
  }
  return [...alike.values()].flatMap(({ seen, items }) => decision(items, seen, models, wishes))
}

function decision(items: readonly { id: number }[], seen: Seen | null, models: readonly Model[], wishes: Wishes): Decision[] {
  const model = seen ? propose(models, seen.subject) : models[0]
  if (!model) return []
  const proposed: Wishes = seen?.crumbs ? { min_area: seen.crumbs } : {}
  const settings = { model: model.id, options: askedOf(model, { ...proposed, ...wishes }) }
  return [{ ids: items.map(({ id }) => id), settings, subject: seen?.subject ?? null, model, proposed }]
}

async function look(file: File): Promise<Seen | null> {
  const seen = await lookAt(file).catch(() => null) // no look is worth a file that stays behind
  if (!seen) return null
  const subject = subjectOf(seen)
  return { subject, crumbs: subject === 'spheroids' && fewDark(seen) ? Math.round(ofSpheroid * seen.pixels) : 0 }
}
