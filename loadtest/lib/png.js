// png is a grey picture of noise, as a string of which each character is a byte. Its side is less than 250.
export function png(side) {
  const rows = [];
  for (let y = 0; y < side; y += 1) {
    rows.push(0, ...Array.from({ length: side }, () => Math.floor(Math.random() * 256)));
  }
  const stored = [0x78, 0x01, 0x01, ...little(rows.length), ...little(~rows.length & 0xffff), ...rows, ...big(adler(rows))];
  const header = [...big(side), ...big(side), 8, 0, 0, 0, 0];
  return String.fromCharCode(
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a,
    ...chunk('IHDR', header), ...chunk('IDAT', stored), ...chunk('IEND', []),
  );
}

function chunk(type, data) {
  const body = [...type].map((c) => c.charCodeAt(0)).concat(data);
  return [...big(data.length), ...body, ...big(crc(body))];
}

function big(n) {
  return [24, 16, 8, 0].map((shift) => (n >>> shift) & 0xff);
}

function little(n) {
  return [n & 0xff, n >>> 8];
}

function crc(data) {
  let c = 0xffffffff;
  for (const byte of data) {
    c ^= byte;
    for (let i = 0; i < 8; i += 1) {
      c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    }
  }
  return (c ^ 0xffffffff) >>> 0;
}

function adler(data) {
  let [a, b] = [1, 0];
  for (const byte of data) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}
