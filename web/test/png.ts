// Grey pictures for tests: a PNG encoder and something that looks like spheroids under a microscope.

import { crc32, deflateSync } from 'node:zlib'

/** grey encodes width*height bytes, 0 = black, as an 8-bit grey PNG. */
export function grey(width: number, height: number, pixels: Uint8Array): Uint8Array<ArrayBuffer> {
  const rows = Buffer.alloc((width + 1) * height)
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1)
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 8 // bits; colour type, compression, filter and interlace stay 0
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return new Uint8Array(Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]))
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}

export interface Disc {
  x: number
  y: number
  radius: number
}

/** paint gives each pixel the value of the first disc that covers it, or of the ground. */
export function paint(width: number, height: number, discs: readonly Disc[], disc: number, ground: number): Uint8Array {
  const pixels = new Uint8Array(width * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const covered = discs.some((d) => (x - d.x) ** 2 + (y - d.y) ** 2 < d.radius ** 2)
      pixels[y * width + x] = covered ? disc + ((x * 7 + y * 13) % 23) : ground + ((x * 5 + y * 3) % 9)
    }
  }
  return pixels
}
