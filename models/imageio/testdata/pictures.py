#!/usr/bin/env python3
"""Writes small PNG, JPEG, BMP, GIF and WebP files of every kind that programs write, and what is in them, as kinds.py does for TIFF.

    pictures.py FOLDER

PNG and BMP are laid out here, by the book; Pillow writes the others, and is what they are held against.
"""
import io
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageOps

from kinds import HEIGHT, WIDTH, Kinds, scene

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # x, y, and steps


def rows(pixels):
    return b"".join(b"\0" + row.tobytes() for row in pixels)


def interlaced(pixels):
    return b"".join(rows(pixels[y::down, x::across]) for x, y, across, down in PASSES if pixels[y::down, x::across].size)


def packed(values, bits):
    """Rows of values of a few bits, the highest first."""
    spread = (values[..., None] >> np.arange(bits - 1, -1, -1).astype(values.dtype)) & 1
    return np.packbits(spread.reshape(values.shape[0], -1).astype("u1"), axis=1)


def png(depth, colour, data, before=(), behind=(), interlace=0):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, interlace)
    chunks = [(b"IHDR", header), *before, (b"IDAT", zlib.compress(data)), *behind, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in chunks)


def pngs(k):
    for depth, (colour, count) in ((d, c) for d in (8, 16) for c in ((GREY, 1), (RGB, 3), (GREY_ALPHA, 2), (RGB_ALPHA, 4))):
        pixels = scene(f"u{depth // 8}", count)
        want = pixels[..., 0] if count == 2 else pixels[..., :3] if count == 4 else pixels
        stored = pixels.astype(pixels.dtype.newbyteorder(">"))
        transparent = [(b"tRNS", struct.pack(">H", 5) * count)] if count % 2 else []
        for interlace, data in ((0, rows(stored)), (1, interlaced(stored))):
            for before in [[], transparent] if transparent else [[]]:
                k.put(f"{depth}_{colour}{'_interlaced' * interlace}{'_transparent' if before else ''}.png", png(depth, colour, data, before, (), interlace), want)
    for bits in (1, 2, 4):
        values = scene("u1") >> (8 - bits)
        palette = np.random.default_rng(bits).integers(0, 256, (2**bits, 3)).astype("u1")
        spread = (values.astype(int) * 255 // (2**bits - 1)).astype("u1")
        for name, before in (("", []), ("_transparent", [(b"tRNS", b"\0\1")])):
            k.put(f"grey_{bits}{name}.png", png(bits, GREY, rows(packed(values, bits)), before), spread)
            k.put(f"palette_{bits}{name}.png", png(bits, PALETTE, rows(packed(values, bits)), [(b"PLTE", palette.tobytes()), *before]), palette[values])
    deep = scene("u2")
    k.put("gamma_and_significant_bits.png", png(16, GREY, rows(deep.astype(">u2")), [(b"gAMA", struct.pack(">I", 45455)), (b"sBIT", b"\x0c")]), deep)
    grey = scene("u1")
    control = struct.pack(">IIIIHHBB", WIDTH, HEIGHT, 0, 0, 1, 1, 0, 0)
    k.put("moving.png", png(8, GREY, rows(grey), [(b"acTL", struct.pack(">II", 2, 0)), (b"fcTL", struct.pack(">I", 0) + control)],
                            [(b"fcTL", struct.pack(">I", 1) + control), (b"fdAT", struct.pack(">I", 2) + zlib.compress(rows(255 - grey)))]), grey)


def by_pillow(picture, form, **options):
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def jpegs(k):
    grey, rgb = Image.fromarray(scene("u1")), Image.fromarray(scene("u1", 3))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274] = orientation
        data = by_pillow(grey, "JPEG", exif=exif, quality=97)
        k.put(f"exif_{orientation}.jpg", data, np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))), 3)
    # libjpeg interpolates chromas that are thinned out.
    for name, picture, within, options in (
        ("444", rgb, 4, {"subsampling": 0}), ("422", rgb, 90, {"subsampling": 1}), ("420", rgb, 90, {"subsampling": 2}),
        ("progressive", rgb, 4, {"subsampling": 0, "progressive": True}), ("grey_progressive", grey, 4, {"progressive": True}),
        ("inks", rgb.convert("CMYK"), 6, {}),
    ):
        data = by_pillow(picture, "JPEG", quality=95, **options)
        k.put(f"{name}.jpg", data, np.asarray(Image.open(io.BytesIO(data)).convert("L" if picture.mode == "L" else "RGB")), within)
    data = by_pillow(grey, "JPEG", quality=95)
    k.put("NOTES BEHIND.JPG", data + bytes(70_000), np.asarray(Image.open(io.BytesIO(data))), 4)


def bmps(k):
    grey, rgb = scene("u1"), scene("u1", 3)

    def stored(pixels):
        return b"".join(row.tobytes() + bytes(-len(row.tobytes()) % 4) for row in pixels[::-1])

    colours = stored(rgb[..., ::-1].copy())
    for name, reserved, header in (
        ("os2", (0, 0), struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, 24)), ("os2_2", (0, 0), struct.pack("<IiiHH", 64, WIDTH, HEIGHT, 1, 24) + bytes(48)),
        ("reserved", (7, 9), struct.pack("<IiiHH", 40, WIDTH, HEIGHT, 1, 24) + bytes(24)),
    ):
        k.put(f"{name}.bmp", b"BM" + struct.pack("<IHHI", 0, *reserved, 14 + len(header)) + header + colours, rgb)
    palette = b"".join(bytes([i, 255 - i, i // 2]) for i in range(256))
    k.put("os2_palette.bmp", b"BM" + struct.pack("<IHHI", 0, 0, 0, 26 + 768) + struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, 8) + palette + stored(grey),
          np.stack([grey // 2, 255 - grey, grey], -1))
    four = np.concatenate([rgb[..., ::-1], rgb[..., :1]], -1)
    header = struct.pack("<IiiHHI", 124, WIDTH, -HEIGHT, 1, 32, 3) + bytes(20) + struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + bytes(68)
    k.put("with_alpha.bmp", b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + 124) + header + stored(four[::-1]), rgb)
    for mode, picture in (("1", Image.fromarray(grey).convert("1")), ("L", Image.fromarray(grey)), ("P", Image.fromarray(rgb).quantize(16))):
        k.put(f"pillow_{mode}.bmp", by_pillow(picture, "BMP"), np.asarray(picture.convert("RGB" if mode == "P" else "L")))


def others(k):
    few = Image.fromarray(scene("u1", 3)).quantize(64)
    for name, options in (("plain", {"interlace": 0}), ("interlaced", {"interlace": 1}), ("transparent", {"transparency": 3, "optimize": False})):
        k.put(f"{name}.gif", by_pillow(few, "GIF", **options), np.asarray(few.convert("RGB")))
    four = scene("u1", 4)
    k.put("lossless_with_alpha.webp", by_pillow(Image.fromarray(four), "WEBP", lossless=True, exact=True), four[..., :3])
    for name, picture in (("lossy", four[..., :3]), ("lossy_with_alpha", four)):
        data = by_pillow(Image.fromarray(picture), "WEBP", quality=95)
        k.put(f"{name}.webp", data, np.asarray(Image.open(io.BytesIO(data)))[..., :3], 60)  # libwebp interpolates chromas


if __name__ == "__main__":
    kinds = Kinds(sys.argv[1])
    for write in (pngs, jpegs, bmps, others):
        write(kinds)
    kinds.close()
