// Reads `go test -json`, and "exit 0" after its good end, from stdin and prints what a person wants to know: one line a package, the whole
// output of what failed, and each reason for which a test was left out, once. Exits 1 when anything failed, or the end is missing.
import { createInterface } from 'node:readline'

const outputs = new Map() // package + test -> lines
const leftOut = new Set()
let failed = false
let ended = false // one that the system has killed tells of no failure
let tests = 0

for await (const line of createInterface({ input: process.stdin })) {
  let event
  try {
    event = JSON.parse(line)
  } catch {
    if (line === 'exit 0') ended = true
    else console.log(line) // what the build says is not JSON
    continue
  }
  const key = `${event.Package ?? event.ImportPath} ${event.Test ?? ''}`
  switch (event.Action) {
    case 'output':
    case 'build-output':
      outputs.set(key, (outputs.get(key) ?? '') + event.Output)
      break
    case 'skip':
      if (event.Test) leftOut.add((outputs.get(key) ?? '').match(/left out: .*/)?.[0] ?? `left out: ${key}, without a reason`)
      break
    case 'build-fail':
      failed = true
      process.stdout.write(outputs.get(key) ?? '')
      break
    case 'fail':
      failed = true
      process.stdout.write(outputs.get(key) ?? '')
      console.log(`FAIL ${key}`)
      break
    case 'pass':
      if (event.Test) tests++
      else console.log(`ok   ${event.Package} ${event.Elapsed.toFixed(1)} s`)
      break
  }
  if (event.Test && ['pass', 'skip', 'fail'].includes(event.Action)) outputs.delete(key)
}
console.log(`${tests} tests passed`)
for (const reason of leftOut) console.log(reason)
if (!failed && !ended) console.log('FAIL go test, before its end')
if (failed || !ended || tests === 0) process.exit(1)
