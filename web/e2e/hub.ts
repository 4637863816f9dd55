// The real binary, each with a data folder and a port of its own.

import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const root = resolve(import.meta.dirname, '../..')
const binary = process.env.SEGHUB_BIN ?? join(root, 'bin/seghub')

export const missing = existsSync(binary) ? null : `${binary} is absent; make build makes it`

export interface Hub {
  url: string
  /** Stops and starts again, with the same data at the same address. */
  restart: () => Promise<void>
  stop: () => Promise<void>
}

/** startHub serves until it is stopped; settings are SEGHUB_ variables without their prefix. */
export async function startHub(settings: Record<string, string> = {}): Promise<Hub> {
  const data = mkdtempSync(join(tmpdir(), 'seghub-e2e-'))
  let process = await serve(data, settings)
  return {
    url: process.url,
    restart: async () => {
      await process.stop()
      process = await serve(data, { ...settings, LISTEN: new URL(process.url).host })
    },
    stop: async () => {
      await process.stop()
      rmSync(data, { recursive: true, force: true })
    },
  }
}

async function serve(data: string, settings: Record<string, string>): Promise<{ url: string; stop: () => Promise<void> }> {
  // The hub refuses settings that it does not know, and those of a developer's shell are not the test's.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(SEGHUB_|REDIS_URL|ML_INFERENCE_WORKERS)/.test(name)))
  const own = { LISTEN: '127.0.0.1:0', DATA: data, REDIS: 'embedded', DEVICE: 'cpu', ...settings }
  for (const [name, value] of Object.entries(own)) env[`SEGHUB_${name}`] = value

  const child = spawn(binary, ['serve'], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const log: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line))
  const ended = new Promise<void>((done) => child.once('exit', () => done()))
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  try {
    return { url: await address(child, ended), stop }
  } catch (error) {
    await stop()
    throw new Error(`the hub did not start:\n${log.slice(-20).join('\n')}`, { cause: error })
  }
}

async function address(child: ChildProcess, ended: Promise<void>): Promise<string> {
  return new Promise((found, fail) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const url = /^SegHub is ready: (http:\S+)/.exec(line)?.[1]
      if (url) found(url)
    })
    void ended.then(() => fail(new Error('it ended before it was ready')))
  })
}
