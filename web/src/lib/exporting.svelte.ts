// An export on its way: people look at other things while a large one comes.

import { explain } from '../words'
import type { Api } from './api'

export class Exporting {
  format = $state('') // that runs; empty where none does
  came = $state(0) // bytes
  trouble = $state('')
  private stopping = new AbortController()

  constructor(private readonly api: Pick<Api, 'fetchExport'>) {}

  /** take brings the results of these jobs, of all that are done where none is named, and has the browser keep them. */
  async take(format: string, jobs: readonly string[]): Promise<void> {
    this.format = format
    this.came = 0
    this.trouble = ''
    const { signal } = (this.stopping = new AbortController())
    try {
      const { blob, filename } = await this.api.fetchExport(format, jobs, (bytes) => (this.came = bytes), signal)
      save(blob, filename || `seghub-${format}`)
    } catch (error) {
      if (!signal.aborted) this.trouble = explain(error)
    } finally {
      this.format = ''
    }
  }

  stop(): void {
    this.stopping.abort()
  }
}

function save(blob: Blob, filename: string) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = filename
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
