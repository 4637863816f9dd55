// What a person dropped: files, and the files of folders.

/** droppedFiles reads a drop. What a folder hides (names that begin with a dot) is left out. */
export async function droppedFiles(transfer: DataTransfer): Promise<File[]> {
  // The list is empty once the event is over: everything is asked for before the first wait.
  const found = [...transfer.items].filter((item) => item.kind === 'file').map((item) => item.webkitGetAsEntry() ?? item.getAsFile())
  const files = await Promise.all(found.map((entry) => (entry === null ? [] : entry instanceof File ? [entry] : filesOf(entry))))
  return files.flat()
}

export async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) return [await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))]
  const inside = await children((entry as FileSystemDirectoryEntry).createReader())
  const shown = inside.filter(({ name }) => !name.startsWith('.')).sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
  return (await Promise.all(shown.map(filesOf))).flat()
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
