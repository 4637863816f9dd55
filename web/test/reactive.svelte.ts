/** reactive is a value that components follow. */
export function reactive<T>(first: T): { value: T } {
  let value = $state.raw(first)
  return {
    get value() {
      return value
    },
    set value(next) {
      value = next
    },
  }
}
