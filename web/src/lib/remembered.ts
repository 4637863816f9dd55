// Choices that outlive the page, in the browser's own store. What cannot be read is as if it had never been said; what
// cannot be written (a private window) holds until the page is left.

const unwritten = new Map<string, string>()

export function recall<T extends object>(key: string, otherwise: T): T {
  try {
    const known: unknown = JSON.parse(unwritten.get(key) ?? localStorage.getItem(key) ?? '')
    if (typeof known === 'object' && known !== null) return { ...otherwise, ...known }
  } catch {
    // Not there, or not ours.
  }
  return otherwise
}

export function remember(key: string, value: object): void {
  const text = JSON.stringify(value)
  try {
    localStorage.setItem(key, text)
    unwritten.delete(key)
  } catch {
    unwritten.set(key, text) // full, or refused
  }
}

/** keysOf are those that begin so and are remembered. */
export function keysOf(prefix: string): string[] {
  return [...new Set([...unwritten.keys(), ...stored()])].filter((key) => key.startsWith(prefix))
}

export function forget(key: string): void {
  unwritten.delete(key)
  try {
    localStorage.removeItem(key)
  } catch {
    // Refused; it is not read either.
  }
}

function stored(): string[] {
  try {
    return Object.keys(localStorage)
  } catch {
    return [] // refused
  }
}
