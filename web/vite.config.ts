import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const hub = 'http://127.0.0.1:8080'

export default defineConfig({
  base: './', // under whatever path a proxy has the hub
  plugins: [svelte({ configFile: false }), emptyDist()],
  build: {
    target: 'es2022',
    emptyOutDir: false, // emptyDist does it
    assetsInlineLimit: 0, // the page's policy allows no data: scripts and styles
    modulePreload: { polyfill: false },
    rolldownOptions: { checks: { bundlerTimings: false } }, // on a slow machine it warns of how long it takes
  },
  server: {
    proxy: { '/api': { target: hub, ws: true }, '/samples': hub },
  },
  resolve: process.env.VITEST ? { conditions: ['browser'] } : {}, // components as a page has them, not as a server renders them
  test: {
    include: ['src/**/*.test.ts'],
    pool: 'vmThreads', // a world of its own for each file, without a process for each
    maxWorkers: '100%',
    testTimeout: 120_000, // for what hangs: a machine may be busy with other things
    hookTimeout: 120_000,
  },
})

/** Empties dist, which an image is built without, but keeps dist/.gitignore, without which the Go package does not compile in a fresh clone. */
function emptyDist(): Plugin {
  return {
    name: 'empty-dist',
    apply: 'build',
    buildStart() {
      mkdirSync('dist', { recursive: true })
      for (const name of readdirSync('dist')) {
        if (name !== '.gitignore') rmSync(join('dist', name), { recursive: true })
      }
    },
  }
}
