// `npm run fake`: the built page with the tests' hub behind it, to look at the page without a binary. Each
// image takes a few seconds and shows the same three bodies.

import { FakeHub } from './fakehub'

const hub = await FakeHub.open(8090)
hub.pages = 'dist'
hub.pace = 700
console.log(`A made-up hub is ready: ${hub.url}`)
