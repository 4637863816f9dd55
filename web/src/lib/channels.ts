// The channels of a file, as they are named and chosen.

import { composite } from './api'
import type { ImageInfo, Job } from './protocol'

export interface Channel {
  /** What the hub knows it by. */
  id: string
  name: string // empty where the file does not say
  number: number // from 1
  colour: string // in a composite; empty where the hub draws none
}

/** The channels of one file, none of which has pages of its own: another than was segmented can be. */
export interface Channels {
  all: readonly Channel[]
  shown: string // id, or the composite
}

/** channelsOf are those to choose from; none where there is one alone. Names that are not unique do not name. */
export function channelsOf({ channels = [] }: Pick<ImageInfo, 'channels'>): Channel[] {
  if (channels.length < 2) return []
  const unique = (name: string) => channels.filter((other) => other.name.toLowerCase() === name.toLowerCase()).length === 1
  return channels.map(({ name, colour = '' }, index) => ({ id: name && unique(name) ? name : String(index), name, number: index + 1, colour }))
}

/** nextChannel is what follows, or precedes, in the round of all channels and their composite. */
export function nextChannel(channels: readonly Channel[], now: string, step: 1 | -1): string {
  const round = [...channels.map(({ id }) => id), composite]
  return round[(round.indexOf(now) + step + round.length) % round.length]!
}

/** sampleOf is the channel of a job whose file has its channels in the samples of its pixels, empty for the first; elsewhere the page says which it is. */
export function sampleOf({ channel, pages, sample }: Pick<Job, 'channel' | 'pages' | 'sample'>): string {
  const of = sample === undefined && pages === 1 ? channel : sample // a job of before the hub said it
  return of ? String(of) : ''
}

/** ownChannel is the one that a job was made of, among those of its file. */
export function ownChannel(channels: readonly Channel[], { channel }: Pick<Job, 'channel'>): string {
  return channels[Number(channel ?? 0)]?.id ?? ''
}
