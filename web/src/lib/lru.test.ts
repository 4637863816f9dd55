import { expect, it } from 'vitest'
import { LRU } from './lru'

it('forgets what was used longest ago', () => {
  const cache = new LRU<string, number>(2)
  cache.set('a', 1)
  cache.set('b', 2)
  cache.get('a')
  cache.set('c', 3)
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3])
})

it('counts by weight, and keeps the newest however heavy it is', () => {
  const cache = new LRU<string, string>(10)
  cache.set('a', 'small', 4)
  cache.set('b', 'small', 4)
  cache.set('c', 'huge', 50)
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([undefined, undefined, 'huge'])
  cache.set('d', 'small', 4)
  expect([cache.get('c'), cache.get('d')]).toEqual([undefined, 'small'])
})

it('does not count a replaced value twice', () => {
  const cache = new LRU<string, number>(2)
  for (let i = 0; i < 5; i++) cache.set('a', i)
  cache.set('b', 0)
  expect([cache.get('a'), cache.get('b')]).toEqual([4, 0])
})
