// What a run prints and keeps.

// summarise makes handleSummary's answer: the verdict on stdout, everything as JSON in file.
export function summarise(data, file) {
  return { stdout: text(data), [file]: JSON.stringify(data, null, 2) };
}

function text(data) {
  const lines = [''];
  let failed = 0;
  for (const name of Object.keys(data.metrics).sort()) {
    const { thresholds, values } = data.metrics[name];
    for (const [rule, { ok }] of Object.entries(thresholds || {})) {
      failed += ok ? 0 : 1;
      lines.push(`${ok ? 'kept  ' : 'BROKEN'} ${name} ${rule} (${shown(values)})`);
    }
  }
  lines.push(failed === 0 ? 'every promise was kept' : `${failed} promises were broken`, '');
  return lines.join('\n');
}

function shown(values) {
  return Object.entries(values)
    .map(([key, value]) => `${key} ${Number.isInteger(value) ? value : value.toFixed(2)}`)
    .join(', ');
}
