// TIFFs for tests: grey pages of 8 or 16 bits, uncompressed, with a description in the first as microscopes write it, and
// smaller versions of it behind the pages, as slide scanners write them.

const short = 3
const long = 4
const text = 2

type Samples = Uint8Array | Uint16Array

export interface Smaller {
  width: number
  height: number
  samples: Samples
}

/** tiff encodes pages of one size, each of width*height samples; 16-bit samples are given as a Uint16Array. */
export function tiff(width: number, height: number, pages: readonly Samples[], description = '', smaller: readonly Smaller[] = []): Buffer {
  const words = Buffer.from(`${description}\0`, 'utf8')
  const images = [...pages.map((samples) => ({ width, height, samples, reduced: 0 })), ...smaller.map((each) => ({ ...each, reduced: 1 }))]
  const entries = 10
  const directory = 2 + 12 * entries + 4
  const first = 8 + words.length + (words.length % 2)
  const header = Buffer.alloc(first)
  header.write('II*\0', 'latin1')
  header.writeUInt32LE(first, 4)
  words.copy(header, 8)
  const parts: Uint8Array[] = [header]
  let at = first
  for (const [index, { width, height, samples, reduced }] of images.entries()) {
    const data = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)
    const ifd = Buffer.alloc(directory)
    const next = at + directory + data.length
    const bits = (8 * data.length) / (width * height)
    const fields: [tag: number, type: number, count: number, value: number][] = [
      [254, long, 1, reduced], [256, long, 1, width], [257, long, 1, height], [258, short, 1, bits], [259, short, 1, 1], [262, short, 1, 1],
      [270, text, index === 0 ? words.length : 1, index === 0 ? 8 : 0],
      [273, long, 1, at + directory], [278, long, 1, height], [279, long, 1, data.length],
    ]
    ifd.writeUInt16LE(entries)
    fields.forEach(([tag, type, count, value], i) => {
      const to = 2 + 12 * i
      ifd.writeUInt16LE(tag, to)
      ifd.writeUInt16LE(type, to + 2)
      ifd.writeUInt32LE(count, to + 4)
      ifd.writeUInt32LE(value, to + 8)
    })
    ifd.writeUInt32LE(index + 1 < images.length ? next : 0, directory - 4)
    parts.push(ifd, data)
    at = next
  }
  return Buffer.concat(parts)
}

/** omeXML tells of the channels of an OME-TIFF and of how many depths each has; pages run through the depths first. */
export function omeXML(width: number, height: number, channels: readonly string[], depths: number, type = 'uint8'): string {
  const named = channels.map((name, index) => `<Channel ID="Channel:0:${index}" Name="${name}"/>`).join('')
  return `<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" ` +
    `Type="${type}" SizeX="${width}" SizeY="${height}" SizeZ="${depths}" SizeC="${channels.length}" SizeT="1" PhysicalSizeX="0.5" PhysicalSizeXUnit="µm" PhysicalSizeY="0.5" PhysicalSizeYUnit="µm">` +
    `${named}<TiffData IFD="0" PlaneCount="${channels.length * depths}"/></Pixels></Image></OME>`
}
