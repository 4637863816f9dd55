// What a person dropped: files, and the files of folders.

import { byName } from './names'

export interface Dropped {
  files: File[]
  /** Names of what cannot be read: a path that is too long, a folder of somebody else's. */
  lost: string[]
}

/** droppedFiles reads a drop. What a folder hides (names that begin with a dot) is left out. */
export async function droppedFiles(transfer: DataTransfer): Promise<Dropped> {
  // The list is empty once the event is over: everything is asked for before the first wait.
  const found = [...transfer.items].filter((item) => item.kind === 'file').map((item) => item.webkitGetAsEntry() ?? item.getAsFile())
  return together(await Promise.all(found.map((entry) => (entry === null || entry instanceof File ? { files: entry ? [entry] : [], lost: [] } : filesOf(entry)))))
}

export async function filesOf(entry: FileSystemEntry): Promise<Dropped> {
  try {
    if (entry.isFile) return { files: [await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))], lost: [] }
    const inside = await children((entry as FileSystemDirectoryEntry).createReader())
    const shown = inside.filter(({ name }) => !name.startsWith('.')).sort((a, b) => byName(a.name, b.name))
    return together(await Promise.all(shown.map(filesOf)))
  } catch {
    return { files: [], lost: [entry.name] }
  }
}

function together(parts: readonly Dropped[]): Dropped {
  return { files: parts.flatMap(({ files }) => files), lost: parts.flatMap(({ lost }) => lost) }
}

/** A reader gives a folder in portions, the last one empty. */
async function children(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  const all: FileSystemEntry[] = []
  for (;;) {
    const portion = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (portion.length === 0) return all
    all.push(...portion)
  }
}
