// Pictures that are not there until somebody needs them.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { grey, paint } from '../test/png'

export function pictures(count: number) {
  const buffer = discs()
  return Array.from({ length: count }, (_, i) => ({ name: `well-${String(i + 1).padStart(3, '0')}.png`, mimeType: 'image/png', buffer }))
}

/** A picture of three dark bodies on light ground. */
export function discs(): Buffer {
  const [width, height] = [320, 240]
  const bodies = [
    { x: 90, y: 90, radius: 46 },
    { x: 215, y: 150, radius: 60 },
    { x: 280, y: 40, radius: 24 },
  ]
  return Buffer.from(grey(width, height, paint(width, height, bodies, 70, 180)))
}

/** The first picture under a folder, by name. */
export function firstImage(folder: string): string {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  const name = names.find((candidate) => /\.(png|jpe?g|tiff?)$/i.test(candidate) && !/mask|label/i.test(candidate))
  if (!name) throw new Error(`there is no picture in ${folder}`)
  return join(folder, name)
}
