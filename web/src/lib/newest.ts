// One question at a time, and of those that come meanwhile the newest alone: a slider asks more often than a hub answers.

export class Newest {
  private running: AbortController | null = null
  private next: ((signal: AbortSignal) => Promise<void>) | null = null

  /** run asks when the question before it is answered, unless a newer one comes. */
  async run(ask: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.next = ask
    if (this.running) return
    for (let question = this.take(); question; question = this.take()) {
      const mine = (this.running = new AbortController())
      await question(mine.signal)
      if (this.running !== mine) return // stopped, and begun anew
      this.running = null
    }
  }

  private take(): ((signal: AbortSignal) => Promise<void>) | null {
    const { next } = this
    this.next = null
    return next
  }

  /** stop forgets what is asked. */
  stop(): void {
    this.next = null
    this.running?.abort()
    this.running = null
  }
}
