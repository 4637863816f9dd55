#!/usr/bin/env python3
"""Writes small TIFF files of every kind that tifffile writes, and what is in them, for TestKinds.

    kinds.py FOLDER          the kinds that need tifffile alone
    kinds.py --codecs FOLDER those that need imagecodecs or Pillow's libtiff too; models/imageio/testdata/kinds was made so

Beside each file lies what a reader is to give of each page, as raw little-endian samples, and index.json says of what shape and type.
"""
import argparse
import itertools
import json
import pathlib
import struct
import warnings

import numpy as np
import tifffile
from PIL import Image, ImageOps

warnings.simplefilter("ignore")
HEIGHT, WIDTH = 37, 53


def scene(dtype, channels=1):
    """Smooth, with noise, over most of the type's range."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    planes = [(np.sin(x / 7 + c) * np.cos(y / 5) + 1) / 2 + rng.normal(0, 0.02, x.shape) for c in range(channels)]
    values = np.clip(np.stack(planes, -1) if channels > 1 else planes[0], 0, 1)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return (values * 1000 - 300).astype(dtype)
    info = np.iinfo(dtype)
    return (values * (float(info.max) - float(info.min)) * 0.99 + float(info.min)).astype(dtype)


class Kinds:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.index = []

    def expect(self, name, pages, within=0):
        """pages: arrays [H, W] or [H, W, 3], as a reader is to give them."""
        described = []
        for i, page in enumerate(pages):
            page = np.ascontiguousarray(page)
            if page.dtype == np.float16:
                page = page.astype(np.float32)
            if page.dtype in (np.uint64, np.int64):
                page = page.astype(np.float64)
            raw = f"{name}.{i}.raw"
            (self.folder / raw).write_bytes(page.astype(page.dtype.newbyteorder("<")).tobytes())
            described.append({"raw": raw, "width": page.shape[1], "height": page.shape[0],
                              "channels": page.shape[2] if page.ndim == 3 else 1, "type": page.dtype.name})
        self.index.append({"file": name, "within": within, "pages": described})

    def put(self, name, file, page, within=0):
        (self.folder / name).write_bytes(file)
        self.expect(name, [page], within)

    def write(self, name, data, pages=None, within=0, **options):
        byteorder = options.pop("byteorder", "<")
        bigtiff = options.pop("bigtiff", False)
        imagej = options.pop("imagej", False)
        ome = options.pop("ome", False)
        options.setdefault("metadata", None if not (imagej or ome) else {})
        with tifffile.TiffWriter(self.folder / name, byteorder=byteorder, bigtiff=bigtiff, imagej=imagej, ome=ome) as tif:
            tif.write(data, **options)
        self.expect(name, [data] if pages is None else pages, within)

    def close(self):
        (self.folder / "index.json").write_text(json.dumps(self.index, indent=1) + "\n")


def by_hand(order, width, height, bits, photometric, samples, data, more):
    """A TIFF of one strip, of kinds that tifffile does not write; more are tags with their values."""
    tags = {256: (width,), 257: (height,), 258: (bits,) * samples, 259: (1,), 262: (photometric,), 277: (samples,), 278: (height,), 273: (8,), 279: (len(data),)} | more
    out = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8 + len(data)) + data
    beyond = len(out) + 2 + 12 * len(tags) + 4
    entries, values = struct.pack(order + "H", len(tags)), b""
    for tag in sorted(tags):
        kind = "I" if tag in (273, 279) else "H"
        value = struct.pack(order + str(len(tags[tag])) + kind, *tags[tag])
        if len(value) > 4:
            values, value = values + value, struct.pack(order + "I", beyond + len(values))
        entries += struct.pack(order + "HHI", tag, 4 if kind == "I" else 3, len(tags[tag])) + value.ljust(4, b"\0")
    return out + entries + bytes(4) + values


def packed(values, bits):
    """Rows of values of any number of bits, the highest first."""
    spread = (values[..., None].astype("u8") >> np.arange(bits - 1, -1, -1).astype("u8")) & 1
    return np.packbits(spread.reshape(values.shape[0], -1).astype("u1"), axis=1).tobytes()


STRIPS = {"rowsperstrip": 8}
TILES = {"tile": (16, 32)}


def common(k):
    for dtype, order, (layout, cut) in itertools.product(
        ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"], "<>", [("strips", STRIPS), ("tiles", TILES)]
    ):
        k.write(f"grey_{dtype}_{layout}_{'le' if order == '<' else 'be'}.tif", scene(dtype), byteorder=order, photometric="minisblack", **cut)
    for dtype, order, planar in itertools.product(["u1", "u2", "f4"], "<>", ["contig", "separate"]):
        rgb = scene(dtype, 3)
        data = rgb if planar == "contig" else np.moveaxis(rgb, -1, 0)
        for layout, cut in (("strips", STRIPS), ("tiles", TILES)):
            k.write(f"rgb_{dtype}_{planar}_{layout}_{'le' if order == '<' else 'be'}.tif", data, [rgb], byteorder=order,
                    photometric="rgb", planarconfig=planar, **cut)
    for dtype in ("u1", "u2", "f4"):
        k.write(f"deflate_{dtype}.tif", scene(dtype), photometric="minisblack", compression="zlib", **STRIPS)
    k.write("deflate_tiles.tif", scene("u2"), photometric="minisblack", compression="zlib", **TILES)
    k.write("one_strip.tif", scene("u1"), photometric="minisblack")
    k.write("tile_larger_than_the_image.tif", scene("u1"), photometric="minisblack", tile=(64, 128))
    k.write("bigtiff.tif", scene("u2"), photometric="minisblack", bigtiff=True, **STRIPS)
    k.write("bigtiff_be.tif", scene("u2"), photometric="minisblack", bigtiff=True, byteorder=">", **TILES)
    white = scene("u1")
    k.write("white_is_zero_u1.tif", white, [255 - white], photometric="miniswhite")
    white = scene("u2")
    k.write("white_is_zero_u2.tif", white, [65535 - white], photometric="miniswhite")
    k.write("bilevel.tif", scene("u1") > 127, [np.where(scene("u1") > 127, 255, 0).astype("u1")], photometric="minisblack")
    colours = np.random.default_rng(3).integers(0, 65536, (3, 256)).astype("u2")
    index = scene("u1")
    k.write("palette.tif", index, [np.moveaxis(colours >> 8, 0, -1)[index].astype("u1")], photometric="palette", colormap=colours)
    inks = scene("u1", 4)
    light = 255 - inks[..., 3:].astype(int)
    k.write("cmyk.tif", inks, [(((255 - inks[..., :3].astype(int)) * light + 127) // 255).astype("u1")], photometric="separated")
    for planar in ("contig", "separate"):
        five = scene("u2", 5)
        k.write(f"five_samples_{planar}.tif", five if planar == "contig" else np.moveaxis(five, -1, 0), [five[..., 0]],
                photometric="minisblack", planarconfig=planar)
    four = scene("u1", 4)
    for extra in ("unspecified", "unassalpha", "assocalpha"):
        k.write(f"rgb_and_{extra}.tif", four, [four[..., :3]], photometric="rgb", extrasamples=[extra])
    turn = {1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1], 5: lambda a: np.swapaxes(a, 0, 1),
            6: lambda a: np.rot90(a, -1), 7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2), 8: lambda a: np.rot90(a, 1)}
    for orientation, shown in turn.items():
        for name, data in (("grey", scene("u2")), ("rgb", scene("u1", 3))):
            k.write(f"turned_{orientation}_{name}.tif", data, [shown(data)], photometric="rgb" if name == "rgb" else "minisblack",
                    extratags=[(274, 3, 1, orientation, True)], **STRIPS)
    stack = np.stack([scene("u2") // (i + 1) for i in range(12)]).reshape(2, 3, 2, HEIGHT, WIDTH)
    k.write("imagej_hyperstack.tif", stack, stack.reshape(12, HEIGHT, WIDTH), imagej=True, photometric="minisblack",
            metadata={"axes": "TZCYX", "unit": "um"}, resolution=(1 / 0.325, 1 / 0.325))
    coloured = np.stack([scene("u1", 3), scene("u1", 3)[::-1]])
    k.write("imagej_rgb.tif", coloured, list(coloured), imagej=True, metadata={"axes": "ZYXS"})
    k.write("ome_rgb.ome.tif", coloured, list(coloured), ome=True, photometric="rgb", metadata={"axes": "ZYXS"})
    k.write("ome_rgb_planar.ome.tif", np.moveaxis(coloured, -1, 1), list(coloured), ome=True, photometric="rgb", planarconfig="separate", metadata={"axes": "ZSYX"})
    k.write("ome.ome.tif", stack[0].transpose(1, 0, 2, 3), stack[0].transpose(1, 0, 2, 3).reshape(6, HEIGHT, WIDTH), ome=True, photometric="minisblack",
            metadata={"axes": "CZYX", "PhysicalSizeX": 0.325, "PhysicalSizeY": 0.325, "Channel": {"Name": ["DAPI", "GFP"]}})
    with tifffile.TiffWriter(k.folder / "pages_of_different_sizes.tif") as tif:
        for data in (scene("u1"), scene("u2")[:20, :30]):
            tif.write(data, photometric="minisblack", metadata=None, contiguous=False)
    k.expect("pages_of_different_sizes.tif", [scene("u1"), scene("u2")[:20, :30]])
    large = np.kron(scene("u1"), np.ones((4, 4), "u1"))
    with tifffile.TiffWriter(k.folder / "pyramid_below.tif") as tif:
        tif.write(large, photometric="minisblack", tile=(32, 32), subifds=2, metadata=None)
        tif.write(large[::2, ::2], photometric="minisblack", tile=(32, 32), subfiletype=1, metadata=None)
        tif.write(large[::4, ::4], photometric="minisblack", tile=(32, 32), subfiletype=1, metadata=None)
    k.expect("pyramid_below.tif", [large])
    with tifffile.TiffWriter(k.folder / "pyramid_unmarked.tif") as tif:
        for step in (1, 2, 4):
            tif.write(large[::step, ::step], photometric="minisblack", tile=(32, 32), metadata=None)
    k.expect("pyramid_unmarked.tif", [large])
    with tifffile.TiffWriter(k.folder / "thumbnail_first.tif") as tif:
        tif.write(large[::4, ::4], photometric="minisblack", subfiletype=1, metadata=None)
        tif.write(large, photometric="minisblack", metadata=None)
    k.expect("thumbnail_first.tif", [large])


def of_few_bits(k):
    for bits, order in itertools.product((3, 5, 6, 7, 9, 11, 13, 15, 20, 31), "<>"):
        values = scene("u4") >> (32 - bits)
        want = (values.astype(int) * 255 // (2**bits - 1)).astype("u1") if bits < 8 else values.astype("u2" if bits <= 16 else "u4")
        k.put(f"bits_{bits}_{'le' if order == '<' else 'be'}.tif", by_hand(order, WIDTH, HEIGHT, bits, 1, 1, packed(values, bits), {}), want)
    for bits in (1, 2, 4):
        palette = np.random.default_rng(bits).integers(0, 65536, (3, 2**bits))
        index = scene("u1") >> (8 - bits)
        k.put(f"palette_{bits}.tif", by_hand("<", WIDTH, HEIGHT, bits, 3, 1, packed(index, bits), {320: palette.reshape(-1).tolist()}),
              np.moveaxis(palette >> 8, 0, -1)[index].astype("u1"))


def thinned_out(k):
    """YCbCr in units of some lumas and one of each chroma, of sides that units do not divide."""
    y, cb, cr = (np.asarray(plane) for plane in Image.fromarray(scene("u1", 3)).convert("YCbCr").split())
    for across, down in ((1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4)):
        wide, high = -(-WIDTH // across), -(-HEIGHT // down)
        lumas = np.pad(y, ((0, high * down - HEIGHT), (0, wide * across - WIDTH)), mode="edge")
        chromas = [plane[::down, ::across] for plane in (cb, cr)]
        data = b"".join(lumas[j * down:(j + 1) * down, i * across:(i + 1) * across].tobytes() + bytes(plane[j, i] for plane in chromas)
                        for j in range(high) for i in range(wide))
        full = np.stack([y] + [plane.repeat(down, 0).repeat(across, 1)[:HEIGHT, :WIDTH] for plane in chromas], -1)
        k.put(f"ycbcr_{across}{down}.tif", by_hand("<", WIDTH, HEIGHT, 8, 6, 3, data, {530: (across, down)}),
              np.asarray(Image.fromarray(full, "YCbCr").convert("RGB")), 2)


def slides(k):
    """Files of slide scanners and cameras, whose pages are not all pictures."""
    grey, rgb = scene("u1"), scene("u1", 3)
    large = np.kron(rgb, np.ones((4, 4, 1), "u1"))
    with tifffile.TiffWriter(k.folder / "hamamatsu.ndpi") as tif:
        for data, lens in ((large, 20), (large[::4, ::4], 5), (large[::3, ::2], -1), (rgb, -2)):
            tif.write(data, photometric="rgb", metadata=None, contiguous=False, extratags=[(65421, 11, 1, float(lens), True)])
    k.expect("hamamatsu.ndpi", [large])
    channels = {"DAPI": large[..., 0], "CD8": large[..., 1]}

    def described(kind, name=""):
        return f'<?xml version="1.0" encoding="utf-16"?><PerkinElmer-QPI-ImageDescription><Name>{name}</Name><ImageType>{kind}</ImageType></PerkinElmer-QPI-ImageDescription>'

    with tifffile.TiffWriter(k.folder / "perkinelmer.qptiff") as tif:
        options = {"photometric": "minisblack", "metadata": None, "tile": (64, 64)}
        for name, data in channels.items():
            tif.write(data, description=described("FullResolution", name), **options)
        tif.write(rgb, photometric="rgb", metadata=None, description=described("Thumbnail"))
        for name, data in channels.items():
            tif.write(data[::2, ::2], description=described("ReducedResolution", name), **options)
        tif.write(rgb, photometric="rgb", metadata=None, description=described("Label"))
    k.expect("perkinelmer.qptiff", list(channels.values()))
    with tifffile.TiffWriter(k.folder / "thumbnail_above.tif") as tif:
        tif.write(rgb, photometric="rgb", subfiletype=1, subifds=1, metadata=None)
        tif.write(large, photometric="rgb", subfiletype=0, metadata=None)
    k.expect("thumbnail_above.tif", [large])


def codecs(k):
    for compression, dtype, order in itertools.product(["lzw", "packbits", "zstd", "zlib"], ["u1", "u2"], "<>"):
        k.write(f"{compression}_{dtype}_{'le' if order == '<' else 'be'}.tif", scene(dtype), byteorder=order, photometric="minisblack",
                compression=compression, **STRIPS)
    for compression, dtype, order in itertools.product(["lzw", "zlib", "zstd"], ["u1", "u2", "u4"], "<>"):
        k.write(f"{compression}_differences_{dtype}_{'le' if order == '<' else 'be'}.tif", scene(dtype), byteorder=order, photometric="minisblack",
                compression=compression, predictor=2, **STRIPS)
    for dtype, order in itertools.product(["f2", "f4", "f8"], "<>"):
        k.write(f"float_differences_{dtype}_{'le' if order == '<' else 'be'}.tif", scene(dtype), byteorder=order, photometric="minisblack",
                compression="zlib", predictor=3, **TILES)
    for planar in ("contig", "separate"):
        rgb = scene("u2", 3)
        k.write(f"lzw_differences_rgb_{planar}.tif", rgb if planar == "contig" else np.moveaxis(rgb, -1, 0), [rgb], photometric="rgb",
                planarconfig=planar, compression="lzw", predictor=2, **STRIPS)
    for planar, order in (("contig", "<"), ("separate", ">")):
        rgb = scene("f4", 3)
        k.write(f"float_differences_rgb_{planar}_{'le' if order == '<' else 'be'}.tif", rgb if planar == "contig" else np.moveaxis(rgb, -1, 0), [rgb], byteorder=order,
                photometric="rgb", planarconfig=planar, compression="zlib", predictor=3, **STRIPS)
    for bits in (10, 12, 14):
        data = scene("u2") >> (16 - bits)
        k.write(f"bits_{bits}.tif", data, photometric="minisblack", bitspersample=bits, **STRIPS)
    for bits in (2, 4):
        data = scene("u1") >> (8 - bits)
        k.write(f"bits_{bits}.tif", data, [(data.astype(int) * 255 // (2**bits - 1)).astype("u1")], photometric="minisblack", bitspersample=bits, **STRIPS)
    for name, data, options in (
        ("jpeg_grey", scene("u1"), {"photometric": "minisblack"}),
        ("jpeg_ycbcr_11", scene("u1", 3), {"photometric": "ycbcr", "subsampling": (1, 1)}),
        ("jpeg_ycbcr_22", scene("u1", 3), {"photometric": "ycbcr", "subsampling": (2, 2)}),
        ("jpeg_rgb", scene("u1", 3), {"photometric": "rgb", "subsampling": (1, 1)}),
    ):
        name += ".tif"
        k.write(name, data, compression="jpeg", compressionargs={"level": 95}, tile=(16, 16), **options)
        k.index.pop()
        decoded = tifffile.imread(k.folder / name)
        k.expect(name, [decoded], within=80 if "22" in name else 4)  # libjpeg interpolates chromas
    bilevel = np.where(scene("u1") > 127, 255, 0).astype("u1")
    for name, compression, tags in (
        ("rle", "tiff_ccitt", {}), ("group3", "group3", {}), ("group3_two_dimensions", "group3", {292: 1}), ("group3_aligned", "group3", {292: 5}),
        ("group4", "group4", {}),
    ):
        for photometric in (0, 1):
            file = f"fax_{name}_{photometric}.tif"
            Image.fromarray(bilevel).convert("1", dither=0).save(k.folder / file, compression=compression, tiffinfo={262: photometric} | tags)
            k.expect(file, [np.asarray(Image.open(k.folder / file).convert("L"))])
    for orientation in (3, 6):
        exif = Image.Exif()
        exif[274] = orientation
        for suffix, options in ((".webp", {"lossless": True}), (".png", {}), (".jpg", {"quality": 98, "subsampling": 0})):
            file = f"exif_{orientation}{suffix}"
            Image.fromarray(scene("u1", 3)).save(k.folder / file, exif=exif, **options)
            k.expect(file, [np.asarray(ImageOps.exif_transpose(Image.open(k.folder / file)))], within=3 if suffix == ".jpg" else 0)
    rgb = scene("u1", 3)
    k.write("webp_lossless.tif", rgb, photometric="rgb", compression="webp", compressionargs={"lossless": True}, **TILES)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--codecs", action="store_true")
    arguments = parser.parse_args()
    if arguments.codecs:
        HEIGHT, WIDTH = 21, 35  # these are kept
    kinds = Kinds(arguments.folder)
    for write in (codecs,) if arguments.codecs else (common, of_few_bits, thinned_out, slides):
        write(kinds)
    kinds.close()
