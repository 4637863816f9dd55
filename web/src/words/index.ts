// The language of the page: what the person chose, else the browser's, else English. It is known before the page is
// built and stays until the next load, so that words are plain values everywhere.

import { Failure } from '../lib/api'
import type { Job } from '../lib/protocol'
import { recall, remember } from '../lib/remembered'
import { en, type Words } from './en'

export type { Words } from './en'

export const languages = { en: 'English', de: 'Deutsch', cs: 'Čeština' }
export type Language = keyof typeof languages

const key = 'seghub.language'

export let words: Words = en
export let language: Language = 'en'

/** pick is the first of the wanted languages that the page speaks. */
export function pick(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const primary = tag.split('-')[0]!.toLowerCase()
    if (primary in languages) return primary as Language
  }
  return 'en'
}

/** speak brings the words; a language that does not come leaves the page in English. */
export async function speak(wanted: Language): Promise<void> {
  const load = { en: async () => en, de: async () => (await import('./de')).de, cs: async () => (await import('./cs')).cs }
  try {
    words = await load[wanted]()
    language = wanted
  } catch {
    // The hub is away; better English than nothing.
  }
  document.documentElement.lang = language
}

export function chosenLanguage(): Language {
  return pick([recall(key, { language: '' }).language, ...navigator.languages])
}

/** choose changes the language: the page is loaded anew, and nothing of it is lost. */
export function choose(wanted: Language): void {
  remember(key, { language: wanted })
  location.reload()
}

/** What the hub says of these names what it is about: its own words stay beside the page's. */
const telling = new Set(['bad_request', 'unsupported_format', 'corrupt_image', 'image_too_large', 'file_too_large', 'batch_too_large', 'inference_failed', 'internal'])

/** problem is a reason in the language of the page: the hub speaks English. A code that is not known leaves it as it is. */
export function problem(code: string, detail: string): string {
  const known = words.problems[code]
  if (!known) return detail
  return detail && telling.has(code) ? `${known} (${detail})` : known
}

/** explain says what went wrong. */
export function explain(error: unknown): string {
  return error instanceof Failure ? problem(error.code, error.message) : String((error as Error).message)
}

/** jobWords says how a job stands. */
export function jobWords(job: Job, waiting: boolean): string {
  const { state, error } = job
  return state === 'failed' && error ? problem(error.code, error.detail || error.title) || words.job(job, waiting) : words.job(job, waiting)
}
