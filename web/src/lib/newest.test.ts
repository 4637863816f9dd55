import { expect, it } from 'vitest'
import { Newest } from './newest'

it('asks one question at a time, and of those that came meanwhile the last', async () => {
  const newest = new Newest()
  const asked: number[] = []
  let answer = () => {}
  const ask = (n: number) => newest.run(async () => {
    asked.push(n)
    await new Promise<void>((resolve) => (answer = resolve))
  })
  const first = ask(1)
  for (const n of [2, 3, 4]) void ask(n)
  expect(asked).toEqual([1])
  answer()
  await Promise.resolve()
  await Promise.resolve()
  expect(asked).toEqual([1, 4])
  answer()
  await first
})

it('has a stopped question know', async () => {
  const newest = new Newest()
  let heard = false
  void newest.run(async (signal) => void signal.addEventListener('abort', () => (heard = true)))
  newest.stop()
  expect(heard).toBe(true)
})
