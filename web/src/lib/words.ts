// What a person reads: states, places and times in words.

import type { Close } from './closecodes'
import type { Job, Model, Session, Stage } from './protocol'

export function ordinal(n: number): string {
  const teens = n % 100 >= 11 && n % 100 <= 13
  const ending = teens ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th')
  return `${n}${ending}`
}

/** about is a span of time as one would say it: nobody believes an estimate to the second. */
export function about(seconds: number): string {
  if (seconds < 5) return 'a few seconds'
  if (seconds < 57.5) return `about ${Math.round(seconds / 5) * 5} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `about ${minutes} min`
  const hours = Math.round(minutes / 60)
  return `about ${hours} h`
}

/** duration is a time that was measured. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  return `${Math.floor(Math.round(seconds) / 60)} min ${Math.round(seconds) % 60} s`
}

/** place says where a session stands. */
export function place(session: Session): string {
  if (session.state === 'waiting') {
    const where = session.position === null ? 'You are in line' : `You are ${ordinal(session.position)} in line`
    return session.eta_seconds === null ? `${where}.` : `${where}, ${about(session.eta_seconds)}.`
  }
  if (session.slot !== null) return `Slot ${session.slot + 1} is yours.`
  return 'Add images to begin.'
}

const stages: Record<Stage, string> = {
  '': 'Starting',
  decode: 'Reading',
  infer: 'Segmenting',
  postprocess: 'Outlining',
}

export function stageWords(stage: Stage): string {
  return stages[stage] ?? 'Working'
}

export function jobWords(job: Job, waiting: boolean): string {
  switch (job.state) {
    case 'queued':
      return waiting ? 'Waiting for a slot' : 'Queued'
    case 'running':
      return stageWords(job.stage)
    case 'done':
      return `Done in ${duration(job.timing_ms.total)}`
    case 'failed':
      return job.error?.detail || job.error?.title || 'It failed, and the hub did not say why.'
    case 'cancelled':
      return 'Cancelled'
  }
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`
}

/** intake says how a model takes an image. */
export function intake({ input }: Pick<Model, 'input'>): string {
  const size = `${input.width} × ${input.height} pixels`
  const colour = input.channels === 1 ? 'in grey' : 'in colour'
  return input.scaling === 'native'
    ? `The image at its own resolution, ${colour}, in tiles of ${size} that overlap.`
    : `The whole image at once, ${colour}, scaled to fit into ${size}.`
}

const bits = { fp32: '32-bit floating point', fp16: '16-bit floating point', int8: '8-bit integers' }

/** fileWords says how large a model is. */
export function fileWords({ size_bytes, precision }: Pick<Model, 'size_bytes' | 'precision'>): string {
  return `${(size_bytes / 1e6).toFixed(1)} MB, ${bits[precision] ?? precision}`
}

const spelt: Record<string, string> = { cho: 'CHO', dic: 'DIC', val: 'validation' }

/** setWords reads the name of a validation set. Its masks are pseudo-labels where a program made them, and not people. */
export function setWords(name: string): { words: string; pseudo: boolean } {
  const parts = name.split('_')
  const words = parts.filter((part) => part !== 'pseudo').map((part) => spelt[part] ?? part).join(' ')
  return { words: words.charAt(0).toUpperCase() + words.slice(1), pseudo: parts.includes('pseudo') }
}

/** stem is a file's name without its ending. */
export function stem(filename: string): string {
  return filename.replace(/\.[^.]+$/, '') || filename
}

/** away says why there is no connection. */
export function away(close: Close): string {
  switch (close.name) {
    case 'going_away':
      return 'The hub is restarting.'
    case 'too_many':
      return 'This session is open in too many windows.'
    case 'too_slow':
      return 'The connection could not keep up.'
    default:
      return 'The connection was lost.'
  }
}
