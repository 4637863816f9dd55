// Names of files and sets, as they are shown and given to downloads.

import { sampleOf } from './channels'
import type { Job } from './protocol'

/** byName orders names as people do, 2 before 10. One that each comparison makes anew takes seconds for ten thousand of them. */
export const byName = new Intl.Collator(undefined, { numeric: true }).compare

/** stem is a file's name without its ending. */
export function stem(filename: string): string {
  return filename.replace(/\.[^.]+$/, '') || filename
}

/** How many characters all names of a list begin with, and how many they end with. */
export interface Alike {
  start: number
  end: number
}

export function alikeOf(names: readonly string[]): Alike {
  const [first = ''] = names
  const alike = { start: first.length, end: first.length }
  for (const name of names) {
    let [start, end] = [0, 0]
    while (start < Math.min(alike.start, name.length) && name[start] === first[start]) start++
    while (end < Math.min(alike.end, name.length) && name.at(-1 - end) === first.at(-1 - end)) end++
    Object.assign(alike, { start, end })
  }
  return alike
}

const told = 10 // characters that mostly tell files of one microscope apart: number or well, and ending
const most = 16 // that are always shown
const short = 20

/** parted cuts a name where something may be left out: on both sides of what tells it from its neighbours, where that is little, else before its end. */
export function parted(filename: string, alike: Alike = { start: 0, end: 0 }): [head: string, middle: string, tail: string] {
  const characters = Array.from(filename)
  if (characters.length <= short) return [filename, '', '']
  let [from, to] = [alike.start, Math.max(alike.start, filename.length - alike.end)]
  while (from > 0 && inWord(filename, from)) from--
  while (to < filename.length && inWord(filename, to)) to++
  if (to > from && to - from <= most) return [filename.slice(0, from), filename.slice(from, to), filename.slice(to)]
  return [characters.slice(0, -told).join(''), characters.slice(-told).join(''), '']
}

/** Whether a cut would part a number, a word or a character. */
function inWord(name: string, at: number): boolean {
  return /^[\p{L}\p{N}]{2}$/u.test(name.slice(at - 1, at + 1)) || /^[\uDC00-\uDFFF]/.test(name.slice(at))
}

/** downloadName says what made the file: picture, page, model, threshold, what it is. */
export function downloadName(job: Job, what: string): string {
  const page = job.pages > 1 ? `-p${job.page + 1}` : ''
  const threshold = job.options?.threshold === undefined ? '' : `-${job.options.threshold.toFixed(2)}`
  const channel = sampleOf(job) ? `-c${Number(sampleOf(job)) + 1}` : ''
  return `${stem(job.filename)}${page}${channel}-${job.model}${threshold}-${what}`
}

/** setWords reads the name of a validation set. Its masks are pseudo-labels where a program made them, and not people. */
export function setWords(name: string, spelt: Record<string, string>): { words: string; pseudo: boolean } {
  const parts = name.split('_')
  const words = parts.filter((part) => part !== 'pseudo').map((part) => spelt[part] ?? part).join(' ')
  return { words: words.charAt(0).toUpperCase() + words.slice(1), pseudo: parts.includes('pseudo') }
}

/** sampleTitle makes a title of a sample's name. */
export function sampleTitle(name: string): string {
  const words = name.replaceAll(/[-_]/g, ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
