// A cache of what can be had again, bounded by weight: what was used longest ago goes first.

export class LRU<K, V> {
  private readonly entries = new Map<K, { value: V; weight: number }>() // least recently used first
  private weight = 0

  /** drop is given what goes. */
  constructor(
    private readonly capacity: number,
    private readonly drop: (value: V) => void = () => undefined,
  ) {}

  get(key: K): V | undefined {
    const entry = this.entries.get(key)
    if (!entry) return undefined
    this.entries.delete(key)
    this.entries.set(key, entry)
    return entry.value
  }

  set(key: K, value: V, weight = 1): void {
    this.delete(key)
    this.entries.set(key, { value, weight })
    this.weight += weight
    for (const oldest of this.entries.keys()) {
      if (this.weight <= this.capacity || oldest === key) break
      this.delete(oldest)
    }
  }

  delete(key: K): void {
    const entry = this.entries.get(key)
    if (!entry) return
    this.entries.delete(key)
    this.weight -= entry.weight
    this.drop(entry.value)
  }

  clear(): void {
    for (const key of this.entries.keys()) this.delete(key)
  }
}
