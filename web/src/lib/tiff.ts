// A look into a TIFF, which most browsers cannot decode: grey values of the middle of its first page, from as few bytes as
// that takes. It reads what microscopes write most (strips or tiles of whole numbers or floats, plain, LZW or deflate) and
// gives up on the rest; the hub, which reads far more, has the last word.

import type { Look } from './propose'

const tags = {
  width: 256, height: 257, bits: 258, compression: 259, photometric: 262, stripOffsets: 273, samples: 277, stripRows: 278, stripSizes: 279,
  planar: 284, predictor: 317, tileWidth: 322, tileHeight: 323, tileOffsets: 324, tileSizes: 325, format: 339,
} as const
const wanted = new Set<number>(Object.values(tags))

const plain = 1
const lzw = 5
const deflates = [8, 32946]
const whiteIsZero = 0
const inColour = 2
const greyOrRGB = [whiteIsZero, 1, inColour]
const apart = 2 // planar: each channel has blocks of its own, those of the first before the others
const differences = 2 // predictor: each sample is the difference to the one before

const mostFields = 1_000
const mostValues = 1 << 20
const mostOfBlock = 32 << 20 // bytes, where it has to be unpacked

/** glimpse samples at most side*side values of the middle of a page, a square of at most extent pixels; null where it cannot. */
export async function glimpse(file: Blob, side: number, extent: number): Promise<Look | null> {
  try {
    const layout = await layoutOf(file)
    return layout && (await sampled(file, layout, side, extent))
  } catch {
    return null // it ends before it should, or says what cannot be
  }
}

interface Layout {
  little: boolean
  width: number
  height: number
  bytes: number // of a sample
  format: number // 1 whole numbers, 2 with a sign, 3 floats
  samples: number // of a pixel, side by side
  compression: number
  predictor: number
  inverted: boolean
  colour: boolean
  block: { width: number; height: number; across: number; offsets: readonly number[]; sizes: readonly number[] }
}

async function layoutOf(file: Blob): Promise<Layout | null> {
  const directory = await firstDirectory(file)
  if (!directory) return null
  const { fields, little } = directory
  const all = (tag: keyof typeof tags) => fields.get(tags[tag]) ?? []
  const one = (tag: keyof typeof tags, otherwise = 0) => all(tag)[0] ?? otherwise
  const [width, height, bits] = [one('width'), one('height'), one('bits', 1)]
  const tiled = all('tileOffsets').length > 0
  const block = tiled
    ? { width: one('tileWidth'), height: one('tileHeight'), offsets: all('tileOffsets'), sizes: all('tileSizes') }
    : { width, height: Math.min(height, one('stripRows', height)), offsets: all('stripOffsets'), sizes: all('stripSizes') }
  const layout = {
    little, width, height,
    bytes: bits / 8,
    format: one('format', 1),
    samples: one('planar', 1) === apart ? 1 : one('samples', 1),
    compression: one('compression', plain),
    predictor: one('predictor', 1),
    inverted: one('photometric', 1) === whiteIsZero,
    colour: one('photometric', 1) === inColour,
    block: { ...block, across: Math.ceil(width / block.width) },
  }
  const readable =
    greyOrRGB.includes(one('photometric', 1)) && valueOf(layout) !== null && layout.predictor <= differences &&
    (layout.compression === plain || ([lzw, ...deflates].includes(layout.compression) && blockSize(layout) <= mostOfBlock)) && width * height > 0
  return readable ? layout : null
}

const typeSizes: Record<number, number> = { 1: 1, 3: 2, 4: 4, 16: 8 } // of whole numbers

async function firstDirectory(file: Blob): Promise<{ fields: Map<number, number[]>; little: boolean } | null> {
  const head = await part(file, 0, 16)
  const little = head.getUint16(0) === 0x4949
  if (!little && head.getUint16(0) !== 0x4d4d) return null
  const version = head.getUint16(2, little)
  if (version !== 42 && version !== 43) return null
  const big = version === 43
  const read = (view: DataView, at: number, type: number) => {
    if (type === 1) return view.getUint8(at)
    if (type === 3) return view.getUint16(at, little)
    return type === 4 ? view.getUint32(at, little) : Number(view.getBigUint64(at, little))
  }
  const [word, counter, entry] = big ? [16, 8, 20] : [4, 2, 12] // type of an offset, bytes before the entries, bytes of one
  const room = typeSizes[word]!
  const at = read(head, big ? 8 : 4, word)
  const count = read(await part(file, at, counter), 0, big ? word : 3)
  if (count > mostFields) return null
  const entries = await part(file, at + counter, count * entry)
  const fields = new Map<number, number[]>()
  for (let i = 0; i < count; i++) {
    const [tag, type, many] = [entries.getUint16(i * entry, little), entries.getUint16(i * entry + 2, little), read(entries, i * entry + 4, word)]
    const size = typeSizes[type]
    if (!wanted.has(tag) || !size || many > mostValues) continue
    const here = i * entry + 4 + room
    const values = many * size <= room ? new DataView(entries.buffer, here, room) : await part(file, read(entries, here, word), many * size)
    fields.set(tag, Array.from({ length: many }, (_, k) => read(values, k * size, type)))
  }
  return { fields, little }
}

async function sampled(file: Blob, layout: Layout, side: number, extent: number): Promise<Look> {
  const value = valueOf(layout)!
  const { block, samples, bytes } = layout
  const step = Math.max(1, Math.min(extent, Math.max(layout.width, layout.height)) / side)
  const places = (length: number) => {
    const span = Math.min(length, extent)
    const count = Math.max(1, Math.round(span / step))
    return Array.from({ length: count }, (_, i) => Math.floor((length - span) / 2 + ((i + 0.5) * span) / count))
  }
  const [xs, ys] = [places(layout.width), places(layout.height)]
  const values = new Float32Array(xs.length * ys.length)
  const colours = Math.min(3, samples)
  const rgb = layout.colour && colours === 3 ? new Float32Array(3 * values.length) : undefined
  let blocks = new Map<number, Uint8Array>() // those of one row, unpacked
  for (const [i, y] of ys.entries()) {
    const down = Math.floor(y / block.height)
    if (i > 0 && down !== Math.floor(ys[i - 1]! / block.height)) blocks = new Map()
    let line: DataView = new DataView(new ArrayBuffer(0))
    let of = -1 // the block that it is of
    for (const [j, x] of xs.entries()) {
      const index = down * block.across + Math.floor(x / block.width)
      if (index !== of) [line, of] = [await lineOf(file, layout, blocks, index, y % block.height), index]
      let sum = 0
      for (let c = 0; c < colours; c++) {
        const sample = value(line, ((x % block.width) * samples + c) * bytes)
        if (rgb) rgb[3 * (i * xs.length + j) + c] = sample
        sum += sample
      }
      values[i * xs.length + j] = (layout.inverted ? -sum : sum) / colours
    }
  }
  return { width: xs.length, height: ys.length, values, rgb, pixels: layout.width * layout.height }
}

/** One row of a block. */
async function lineOf(file: Blob, layout: Layout, blocks: Map<number, Uint8Array>, index: number, row: number): Promise<DataView> {
  const { block, compression, samples, bytes } = layout
  const size = block.width * samples * bytes
  if (compression === plain) return part(file, block.offsets[index]! + row * size, size)
  let unpacked = blocks.get(index)
  if (!unpacked) {
    const packed = file.slice(block.offsets[index], block.offsets[index]! + block.sizes[index]!)
    unpacked = compression === lzw ? unpackLZW(new Uint8Array(await packed.arrayBuffer()), blockSize(layout)) : await inflate(packed)
    blocks.set(index, unpacked)
  }
  const line = new DataView(unpacked.slice(row * size, (row + 1) * size).buffer)
  if (layout.predictor === differences) undoDifferences(line, layout)
  return line
}

function blockSize({ block, samples, bytes }: Layout): number {
  return block.width * block.height * samples * bytes
}

/** How a sample is read; null where it cannot be. */
function valueOf({ bytes, format, little }: Layout): ((view: DataView, at: number) => number) | null {
  if (bytes === 1 && format === 1) return (view, at) => view.getUint8(at)
  if (bytes === 2 && format === 1) return (view, at) => view.getUint16(at, little)
  if (bytes === 2 && format === 2) return (view, at) => view.getInt16(at, little)
  if (bytes === 4 && format === 1) return (view, at) => view.getUint32(at, little)
  if (bytes === 4 && format === 3) return (view, at) => view.getFloat32(at, little)
  return null
}

function undoDifferences(line: DataView, { bytes, samples, little }: Layout): void {
  for (let at = bytes * samples; at < line.byteLength; at += bytes) {
    const before = at - bytes * samples
    if (bytes === 1) line.setUint8(at, line.getUint8(at) + line.getUint8(before))
    else if (bytes === 2) line.setUint16(at, line.getUint16(at, little) + line.getUint16(before, little), little)
    else line.setUint32(at, line.getUint32(at, little) + line.getUint32(before, little), little)
  }
}

async function part(file: Blob, from: number, size: number): Promise<DataView> {
  return new DataView(await file.slice(from, from + size).arrayBuffer())
}

async function inflate(packed: Blob): Promise<Uint8Array> {
  return new Uint8Array(await new Response(packed.stream().pipeThrough(new DecompressionStream('deflate'))).arrayBuffer())
}

const clear = 256
const end = 257
const mostCodes = 4096

/** TIFF 6.0, section 13: codes of 9 to 12 bits, the highest bit first, a bit longer one code early. */
function unpackLZW(packed: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size)
  const before = new Uint16Array(mostCodes) // the string of a code is that of another code
  const last = new Uint8Array(mostCodes).map((_, code) => code) // and one byte more
  const length = new Uint32Array(mostCodes).fill(1)
  let [next, width, previous, held, bits, at] = [end + 1, 9, clear, 0, 0, 0]
  for (const byte of packed) {
    held = ((held << 8) | byte) & 0xfffff
    bits += 8
    if (bits < width) continue
    bits -= width
    const code = (held >> bits) & ((1 << width) - 1)
    if (code === end) break
    if (code === clear) {
      ;[next, width, previous] = [end + 1, 9, clear]
      continue
    }
    const known = code < next
    const long = known ? length[code]! : length[previous]! + 1
    let from = known ? code : previous
    for (let to = at + (known ? long : long - 1) - 1; to >= at; to--) {
      out[to] = last[from]!
      from = before[from]!
    }
    if (!known) out[at + long - 1] = out[at]!
    if (previous !== clear && next < mostCodes) {
      before[next] = previous
      last[next] = out[at]!
      length[next] = length[previous]! + 1
      next++
      if (next === (1 << width) - 1 && width < 12) width++
    }
    at += long
    previous = code
  }
  return out
}
