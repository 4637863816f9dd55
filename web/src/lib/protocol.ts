// The hub's contract, version 1, as TypeScript: what comes and goes over HTTP and the socket. Lengths are
// pixels, areas square pixels, times RFC 3339 in UTC, ids opaque.

export const apiPath = '/api/v1'
export const subprotocol = 'seghub.v1'

export type SessionState = 'idle' | 'waiting' | 'active' | 'closed'

export interface Session {
  id: string
  name: string
  state: SessionState
  slot: number | null // from 0
  node: string
  position: number | null // 1 = next; null unless waiting
  eta_seconds: number | null // null when unknown
  jobs: Record<JobState, number>
  seq: number
  expires_at: string | null // RFC 3339; null once it is closed
}

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled'
export type Stage = '' | 'decode' | 'infer' | 'postprocess'

export interface Options {
  threshold: number // 0.05..0.95
  min_area: number
  exclude_border: boolean
  detect_holes: boolean
  split_touching: boolean
}

/** What may be asked for beside a model: what is left out is as the model, or the file, has it. */
export interface Wishes extends Partial<Options> {
  diameter?: number // of the objects, pixels, of models that have one; found in each image when left out
  pixel_size?: number // µm
  pages?: string // numbers and ranges, from 1
  channel?: string // its name or its number from 0
  projection?: 'none' | 'max'
}

export interface Job {
  id: string
  image_id: string
  filename: string
  width: number
  height: number
  page: number // from 0
  pages: number
  channel?: number | string | null
  z?: number | null
  t?: number | null
  /** The channel, where the channels of a file are the samples of its pixels; null where they have pages of their own. */
  sample?: number | null
  projection?: 'none' | 'max' // of all depths
  pixel_size?: number | null // µm
  model: string
  diameter?: number | null // of the objects, pixels; null when nobody has said it
  options?: Partial<Options>
  revision?: number
  count?: number | null // objects; null until done
  state: JobState
  stage: Stage
  percent: number
  error: Problem | null
  created_at: string
  started_at: string | null
  finished_at: string | null
  timing_ms: { queued: number; decode: number; infer: number; postprocess: number; total: number }
}

export interface Model {
  id: string
  title: string
  description: string
  input: { height: number; width: number; channels: number; scaling: 'fit' | 'native' }
  precision: 'fp32' | 'fp16' | 'int8'
  batch: { alone: number; shared: number; max: number }
  threshold: number
  min_area: number
  split_touching: boolean
  diameter?: { best: number; least: number; most: number } | null // of the objects that it knows, pixels; null of any
  training_data: { name: string; licence: string; images: number }[]
  scores: Record<string, { dice: number; iou: number }> // by validation set, 0..1
  size_bytes: number
  loaded: boolean
}

export interface Sample {
  name: string
  url: string
  model?: string // that finds what it shows; the hub need not have it
  options?: Wishes // of that model
}

export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  code: string
}

export interface Rejection {
  index?: number // of the file among those of the request
  filename: string
  code: string
  detail: string
}

export type Point = [x: number, y: number]

/** Measures that a newer hub has and an older one lacks are left out by the older. */
export interface SegmentedObject {
  id: number
  polygon: Point[] // outer ring along pixel corners, open
  holes: Point[][]
  bbox: [x: number, y: number, width: number, height: number]
  area: number
  perimeter: number
  centroid: Point
  mean_probability: number
  equivalent_diameter?: number
  circularity?: number
  solidity?: number
  convexity?: number
  extent?: number
  aspect_ratio?: number
  feret_max?: number
  feret_min?: number
  sphericity?: number
  compactness?: number
  mean_intensity?: number[] // of each channel, in the file's own values
  sd_intensity?: number[]
  integrated_intensity?: number[]
  touches_border?: boolean
  edited?: boolean
  /** In µm, where the pixel size is known. */
  calibrated?: { area: number; perimeter: number; equivalent_diameter: number; feret_max: number; feret_min: number; centroid: Point }
}

export interface Result {
  job: string
  revision?: number
  image: { id: string; filename: string; width: number; height: number; page?: number; pixel_size?: number | null }
  model: string
  options?: Partial<Options>
  objects: SegmentedObject[]
  summary: { count: number; total_area: number; coverage: number }
}

/** A correction of a result. Points are of the image, in pixels. */
export type Operation =
  | { op: 'delete'; ids: number[] }
  | { op: 'merge'; ids: number[] }
  | { op: 'split'; id: number; line: readonly Point[] }
  | { op: 'paint'; id: number | null; stroke: readonly Point[]; radius: number; mode: 'add' | 'erase' }
  | { op: 'revert'; revision: number }

export interface Edited {
  revision: number
  changed: SegmentedObject[]
  removed: number[]
}

/** What GET /images/ID/info says of a page of a file; low and high are what a preview shows black and white unasked. */
export interface ImageInfo {
  width: number
  height: number
  pages: number
  channels?: { name: string; colour?: string }[] // by their numbers; the colour is that in a composite
  sample_type?: string
  low?: number
  high?: number
  range?: [low: number, high: number]
  histogram?: { low: number; high: number; counts: number[] }
  pixel_size?: number | null
  pixel_size_source?: string
}

export interface Worker {
  slot: number
  device: string
  state: 'idle' | 'busy' | 'down'
  session_is_you: boolean
  helps_you?: boolean // works on your images, whoever's slot it is
  model: string | null
  images_done: number
}

/** Of the GPU, or of the host without one. */
export interface Memory {
  used_bytes: number
  total_bytes: number
  /** What models may take together, and what they have booked. */
  budget_bytes: number
  booked_bytes: number
  pressure: 'normal' | 'high' | 'critical'
  breaker: 'closed' | 'open'
  utilisation: number | null
  temperature_c: number | null
}

export interface Stats {
  slots: { total: number; active: number }
  waiting: number
  workers: Worker[]
  memory: Memory
  /** Why the workers run on the CPU though there is a GPU. */
  gpu_unused?: string | null
}

/** Text frames that the server sends. Those with seq are kept: each arrives once and in order. */
export type TextFrame =
  | { type: 'welcome'; session: Session; seq: number; epoch: string; resumed: boolean; gap: boolean }
  | { type: 'snapshot'; session: Session; jobs: Job[]; seq: number; epoch: string }
  | { type: 'session'; seq: number; session: Session }
  | { type: 'position'; position: number; waiting: number; eta_seconds: number | null }
  /** Deleted was a job whose image was: it is told of no more. */
  | { type: 'job'; seq: number; job: Job; deleted?: boolean }
  | { type: 'progress'; job_id: string; stage: Stage; done: number; total: number; percent: number }
  | ({ type: 'stats' } & Stats)
  /** Without what changed where all was found anew. */
  | { type: 'edit'; seq: number; job_id: string; revision: number; changed: SegmentedObject[] | null; removed: number[] | null }
  | { type: 'draining'; reconnect_after_ms: number }
  | ({ type: 'error'; re: { type: string; job_id?: string } } & Omit<Problem, 'type'>)
  | { type: 'pong'; id?: number | string }

/** What a binary frame says of the picture that follows: where this piece lies in the image. */
export interface MaskHeader {
  type: 'mask'
  seq?: number // final pieces only
  job_id: string
  image_id: string
  final: boolean
  x: number
  y: number
  width: number
  height: number
}

export interface MaskFrame {
  type: 'mask'
  header: MaskHeader
  png: Uint8Array<ArrayBuffer> // empty when the hub no longer has the picture
}

export type Frame = TextFrame | MaskFrame

export type Command =
  | { type: 'cancel'; job_id: string }
  | { type: 'watch'; stats: boolean }
  | { type: 'ping'; id?: number }
