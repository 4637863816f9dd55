// The binary frame: uint32 big-endian header length, JSON header, PNG.

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

// readMask answers {header, png}, png a Uint8Array.
export function readMask(buffer) {
  const length = new DataView(buffer).getUint32(0);
  return {
    header: JSON.parse(utf8(new Uint8Array(buffer, 4, length))),
    png: new Uint8Array(buffer, 4 + length),
  };
}

// pngSize reads {width, height} from the first chunk of a PNG, or answers null.
export function pngSize(png) {
  if (png.length < 24 || PNG_SIGNATURE.some((byte, i) => png[i] !== byte)) {
    return null;
  }
  const view = new DataView(png.buffer, png.byteOffset);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

export function sameBytes(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

// utf8: k6 has no TextDecoder.
function utf8(bytes) {
  let percent = '';
  bytes.forEach((byte) => {
    percent += `%${byte.toString(16).padStart(2, '0')}`;
  });
  return decodeURIComponent(percent);
}
