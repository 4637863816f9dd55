import { expect, it } from 'vitest'
import { filesOf } from './dropped'

const file = (name: string) => ({ isFile: true, name, file: (take: (file: File) => void) => take(new File([], name)) }) as unknown as FileSystemEntry

/** A folder gives its entries a few at a time, as browsers do. */
function folder(name: string, entries: FileSystemEntry[]): FileSystemEntry {
  const createReader = () => {
    const left = [...entries]
    return { readEntries: (take: (portion: FileSystemEntry[]) => void) => take(left.splice(0, 2)) }
  }
  return { isFile: false, name, createReader } as unknown as FileSystemEntry
}

it('takes the files of a folder in the order of their numbers, and leaves hidden ones', async () => {
  const dropped = folder('plate', [file('well10.tif'), file('.DS_Store'), file('well2.tif'), folder('more', [file('a.png')]), file('well1.tif')])
  expect((await filesOf(dropped)).files.map(({ name }) => name)).toEqual(['a.png', 'well1.tif', 'well2.tif', 'well10.tif'])
})

it('takes a file as it is', async () => {
  expect((await filesOf(file('one.png'))).files.map(({ name }) => name)).toEqual(['one.png'])
})

it('names what cannot be read, and takes the rest', async () => {
  const refuse = (_: unknown, fail: (error: Error) => void) => fail(new DOMException('not found', 'NotFoundError'))
  const long = { isFile: true, name: 'long.png', file: refuse } as unknown as FileSystemEntry
  const shut = { isFile: false, name: 'shut', createReader: () => ({ readEntries: refuse }) } as unknown as FileSystemEntry
  const { files, lost } = await filesOf(folder('plate', [file('a.png'), long, shut, folder('more', [file('b.png')])]))
  expect([files.map(({ name }) => name), lost]).toEqual([['a.png', 'b.png'], ['long.png', 'shut']])
})
