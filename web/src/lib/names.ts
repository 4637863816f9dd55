// Names of files and sets, as they are shown and given to downloads.

import type { Job } from './protocol'

/** stem is a file's name without its ending. */
export function stem(filename: string): string {
  return filename.replace(/\.[^.]+$/, '') || filename
}

const told = 10 // characters that mostly tell files of one microscope apart: number or well, and ending
const short = 20

/** parted cuts a name where something may be left out: the files of a plate differ in their ends. */
export function parted(filename: string): [head: string, tail: string] {
  const characters = Array.from(filename)
  const cut = characters.length > short ? characters.length - told : characters.length
  return [characters.slice(0, cut).join(''), characters.slice(cut).join('')]
}

/** downloadName says what made the file: picture, page, model, threshold, what it is. */
export function downloadName(job: Job, what: string): string {
  const page = job.pages > 1 ? `-p${job.page + 1}` : ''
  const threshold = job.options?.threshold === undefined ? '' : `-${job.options.threshold.toFixed(2)}`
  return `${stem(job.filename)}${page}-${job.model}${threshold}-${what}`
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
