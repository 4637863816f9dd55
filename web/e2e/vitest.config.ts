import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['e2e/*.test.ts'],
    disableConsoleIntercept: true, // what is left out is said in lines of their own
    testTimeout: 600_000, // a browser and a model on whatever machine this is
    hookTimeout: 600_000,
    maxWorkers: 2, // what they do most is wait
  },
})
