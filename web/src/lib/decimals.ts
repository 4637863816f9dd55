// Numbers as people type and paste them. A browser takes a number field's text by its own language, not by the page's or the
// person's: one in English makes 65 of 0,65.

/** decimalOf reads a number that is never in the thousands, whichever sign its decimals have; NaN where it is none. */
export function decimalOf(text: string): number {
  const plain = text.trim().replace(',', '.')
  return plain === '' ? NaN : Number(plain)
}

/** numberOf reads a number as the page writes it: 1,000 is a thousand in English, and 1.000 in German. NaN where it is none. */
export function numberOf(text: string, locale: string): number {
  const plain = text.replaceAll(/\s/g, '')
  const grouped = new RegExp(`^-?[1-9]\\d{0,2}(\\${sign('group', locale).trim() || 'x'}\\d{3})+(?!\\d)`)
  return decimalOf(plain.replace(grouped, (whole) => whole.replaceAll(/[.,]/g, '')))
}

/** spelt is a number with nothing left out, as programs in that language read it. */
export function spelt(value: number, locale: string): string {
  return String(value).replace('.', sign('decimal', locale))
}

// What a sign is takes long to find out, and a table that is copied asks for each of its numbers.
const signs = new Map<string, string>()

function sign(type: 'group' | 'decimal', locale: string): string {
  const name = `${type} ${locale}`
  const known = signs.get(name) ?? new Intl.NumberFormat(locale).formatToParts(1_234_567.8).find((part) => part.type === type)?.value ?? ''
  signs.set(name, known)
  return known
}
