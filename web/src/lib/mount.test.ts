import { expect, it } from 'vitest'
import { mountOf } from './mount'

it.each([
  ['http://lab:8080/assets/index-abc.js', ''],
  ['https://lab.example/some/hub/assets/index-abc.js', '/some/hub'],
])('finds where the hub of %s lies', (module, mount) => expect(mountOf(module)).toBe(mount))
