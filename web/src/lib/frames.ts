// Reads what arrives on the socket. A frame that does not keep to the contract is an error: guessing what
// it meant would put a wrong mask on somebody's image.

import type { Frame, MaskFrame, MaskHeader, TextFrame } from './protocol'

export class FrameError extends Error {
  override name = 'FrameError'
}

/** The types of text frames; a newer server may send others, which are passed over. */
const known = new Set<string>([
  'welcome',
  'snapshot',
  'session',
  'position',
  'job',
  'progress',
  'stats',
  'edit',
  'draining',
  'error',
  'pong',
] satisfies TextFrame['type'][])

/** parseFrame reads one message of the socket; null for a type that this client does not know. */
export function parseFrame(data: string | ArrayBuffer): Frame | null {
  return typeof data === 'string' ? parseText(data) : parseMask(data)
}

function parseText(data: string): TextFrame | null {
  const value = parseJSON(data)
  const { type } = value
  if (typeof type !== 'string') throw new FrameError('a text frame has no type')
  return known.has(type) ? (value as unknown as TextFrame) : null
}

const lengthBytes = 4
const headerLimit = 64 * 1024

/** A binary frame: uint32 big-endian header length, the header as UTF-8 JSON, then the PNG. */
function parseMask(data: ArrayBuffer): MaskFrame {
  if (data.byteLength < lengthBytes) throw new FrameError(`a binary frame of ${data.byteLength} bytes has no header length`)
  const length = new DataView(data).getUint32(0)
  if (length > headerLimit || lengthBytes + length > data.byteLength) {
    throw new FrameError(`a binary frame of ${data.byteLength} bytes claims a header of ${length}`)
  }
  const header = parseHeader(new Uint8Array(data, lengthBytes, length))
  return { type: 'mask', header, png: new Uint8Array(data, lengthBytes + length) }
}

function parseHeader(bytes: Uint8Array): MaskHeader {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new FrameError('the header of a binary frame is not UTF-8')
  }
  const header = parseJSON(text)
  if (header.type !== 'mask') throw new FrameError(`a binary frame of type ${String(header.type)}`)
  const sound =
    typeof header.job_id === 'string' &&
    typeof header.image_id === 'string' &&
    typeof header.final === 'boolean' &&
    isCount(header.x) &&
    isCount(header.y) &&
    isCount(header.width) &&
    isCount(header.height) &&
    (header.final ? isCount(header.seq) : header.seq === undefined)
  if (!sound) throw new FrameError('the header of a mask is incomplete')
  return header as unknown as MaskHeader
}

function parseJSON(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new FrameError('a frame is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new FrameError('a frame is not an object')
  return value as Record<string, unknown>
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
