import { expect, it } from 'vitest'
import { channelsOf, nextChannel, ownChannel, sampleOf } from './channels'

it('knows channels by their names, and by number where names do not tell them apart', () => {
  const ids = (...names: string[]) => channelsOf({ channels: names.map((name) => ({ name })) }).map(({ id }) => id)
  expect(ids('DAPI', 'GFP')).toEqual(['DAPI', 'GFP'])
  expect(ids('DAPI', '', 'dapi')).toEqual(['0', '1', '2'])
  expect(ids('DAPI')).toEqual([])
  expect(channelsOf({})).toEqual([])
})

it('goes round all channels and their composite', () => {
  const channels = channelsOf({ channels: [{ name: 'DAPI' }, { name: 'GFP' }] })
  expect([nextChannel(channels, 'DAPI', 1), nextChannel(channels, 'GFP', 1), nextChannel(channels, 'composite', 1), nextChannel(channels, 'DAPI', -1)]).toEqual(
    ['GFP', 'composite', 'DAPI', 'composite'],
  )
  expect(ownChannel(channels, { channel: 1 })).toBe('GFP')
})

it('asks for a sample of a pixel where no page of its own has it', () => {
  expect([sampleOf({ channel: 2, pages: 1 }), sampleOf({ channel: 2, pages: 3 }), sampleOf({ channel: 0, pages: 1 })]).toEqual(['2', '', ''])
  expect([sampleOf({ channel: 2, pages: 3, sample: 2 }), sampleOf({ channel: 2, pages: 1, sample: null }), sampleOf({ channel: 0, pages: 3, sample: 0 })]).toEqual(['2', '', ''])
})
