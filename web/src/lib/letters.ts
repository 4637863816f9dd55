// Rows of one height hold the letters that the person has set the browser to.

/** holding is a height in CSS pixels: the least, or where letters are larger than that holds, so many times the page's size of letters. */
export function holding(least: number, rem: number): number {
  const size = parseFloat(getComputedStyle(document.documentElement).fontSize)
  return Math.max(least, Math.ceil(rem * size) || 0)
}
