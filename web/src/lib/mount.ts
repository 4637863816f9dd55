// Where the hub lies: at the root of its host, or under a path of a proxy that it does not know of itself.

/** The path of the hub without a slash at its end, from the address of a built module, which lies in the folder assets. */
export function mountOf(module: string): string {
  return new URL('..', module).pathname.replace(/\/$/, '')
}

export const mount = import.meta.env.PROD ? mountOf(import.meta.url) : ''
