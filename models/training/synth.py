"""Brightfield pictures of spheroids that never were, and DIC pictures of embryos, with masks that are exact, by seed.

    background -> halo, cells, clumps -> bodies -> dust, fibres, bubbles -> lens and camera -> grey + mask

The bodies alone are in the mask. Run as a module it renders a set to disk:

    python3 -m models.training.synth --count 1500 --out models/training/runs/synthetic.npz
"""

import argparse
import io
import math
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from . import clutter
from .bodies import make_body
from .embryos import make_embryo
from .images import Pair
from .noise import smooth_noise

# How often each kind of clutter is in a picture, in the order in which light passes it.
BEHIND = ((clutter.streaks, 0.35), (clutter.well_edge, 0.25), (clutter.loose_cells, 0.75), (clutter.clumps, 0.35),
          (clutter.crumbs, 0.35))
BEFORE = ((clutter.dust, 0.4), (clutter.fibres, 0.3), (clutter.bubbles, 0.12))

EMBRYOS_EACH = 5  # one picture of so many has embryos in the place of spheroids


def spheroids(seed: int, side: int = 512) -> Pair:
    """The picture of `seed`, grey, and its mask. The same seed gives the same picture."""
    rng = np.random.default_rng(seed)
    unit = side / 512
    light = background(rng, side)
    for add, chance in BEHIND:
        if rng.random() < chance:
            add(rng, light, unit)
    mask = np.zeros((side, side), dtype=bool)
    if seed % EMBRYOS_EACH == 0:
        for x, y, radius in embryo_places(rng, side):
            place(light, mask, make_embryo(rng, radius, unit), x, y)
    else:
        for x, y, radius in places(rng, side, unit):
            if rng.random() < 0.42:
                clutter.halo(rng, light, x, y, radius, unit)
            place(light, mask, make_body(rng, radius, unit), x, y)
    for add, chance in BEFORE:
        if rng.random() < chance:
            add(rng, light, unit)
    grey = camera(rng, lens(rng, light, unit), unit)
    return Pair(f"synthetic {seed}", grey[..., None], np.where(mask, 255, 0).astype(np.uint8)[..., None])


def background(rng: np.random.Generator, side: int) -> np.ndarray:
    """float32 [side, side] around 1: light that falls off toward one side or the rim, slightly cloudy."""
    ys, xs = np.mgrid[:side, :side].astype(np.float32) / side - 0.5
    x, y = rng.normal(0, 0.25, 2)
    light = 1 - rng.uniform(-0.05, 1.0) * ((xs - x) ** 2 + (ys - y) ** 2)
    light += rng.normal(0, 0.12) * xs + rng.normal(0, 0.12) * ys
    light += rng.uniform(0, 0.04) * smooth_noise(rng, side, side * rng.uniform(0.1, 0.6))
    light += rng.uniform(0, 0.025) * smooth_noise(rng, side, rng.uniform(2, 8) * side / 512)
    return np.clip(light, 0.2, None).astype(np.float32)


def places(rng: np.random.Generator, side: int, unit: float) -> list[tuple[float, float, float]]:
    """(x, y, radius) of the bodies: mostly one to four, at times none, or many small ones."""
    kind = rng.choice(["none", "few", "few and small", "many"], p=[0.05, 0.6, 0.23, 0.12])
    if kind == "none":
        return []
    if kind == "many":
        sizes = rng.uniform(10, 32, rng.integers(5, 14))
    else:
        count = rng.choice([1, 2, 3, 4], p=[0.5, 0.25, 0.15, 0.1])
        sizes = np.exp(rng.uniform(math.log(22), math.log(150 / math.sqrt(count)), count))
        if kind == "few and small":
            sizes = np.append(sizes, rng.uniform(9, 20, rng.integers(1, 6)))
    margin = 0.12 * side
    return [(*rng.uniform(margin, side - margin, 2), size * unit) for size in sizes]


def embryo_places(rng: np.random.Generator, side: int) -> list[tuple[float, float, float]]:
    """(x, y, radius) of embryos, which are as far apart as their shells keep them: one that may fill the picture, or a few."""
    count = rng.choice([1, 2, 3], p=[0.7, 0.2, 0.1])
    kept = []
    for size in np.exp(rng.uniform(math.log(0.1), math.log(0.45 / math.sqrt(count)), count)) * side:
        margin = 0.5 * min(size, 0.4 * side)
        x, y = rng.uniform(margin, side - margin, 2)
        if all(math.hypot(x - other_x, y - other_y) > size + other for other_x, other_y, other in kept):
            kept.append((x, y, size))
    return kept


def place(light: np.ndarray, mask: np.ndarray, body, x: float, y: float) -> None:
    """Lays a body's patch around (x, y); what falls outside the picture is cut off."""
    side, patch = len(light), len(body.mask)
    left, top = round(x - patch / 2), round(y - patch / 2)
    rows, columns = slice(max(top, 0), min(top + patch, side)), slice(max(left, 0), min(left + patch, side))
    inner = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
    light[rows, columns] *= body.transmission[inner]
    mask[rows, columns] |= body.mask[inner]


def lens(rng: np.random.Generator, light: np.ndarray, unit: float) -> np.ndarray:
    """Defocus, at times uneven across the field."""
    sigma = rng.choice([0, rng.uniform(0.3, 1.2), rng.uniform(1.2, 3)], p=[0.4, 0.45, 0.15]) * unit
    blurred = ndimage.gaussian_filter(light, sigma) if sigma else light
    if rng.random() < 0.2:
        soft = ndimage.gaussian_filter(light, rng.uniform(1.5, 4) * unit)
        where = np.clip(0.5 + smooth_noise(rng, len(light), len(light) * 0.8), 0, 1)
        return where * soft + (1 - where) * blurred
    return blurred


def camera(rng: np.random.Generator, light: np.ndarray, unit: float) -> np.ndarray:
    """uint8 grey: exposure, gamma, sensor noise, and at times the scale bar and the blocks of a JPEG."""
    exposure = np.clip(light, 0, None) * rng.uniform(0.45, 0.95)
    exposure = np.clip(exposure, 0, 1) ** rng.uniform(0.7, 1.4)
    exposure += rng.uniform(0, 0.025) * np.sqrt(exposure + 0.02) * rng.standard_normal(light.shape, dtype=np.float32)
    exposure = rng.uniform(0, 0.12) + exposure * rng.uniform(0.7, 1)
    if rng.random() < 0.12:
        clutter.scale_bar(rng, exposure, unit)
    grey = (np.clip(exposure, 0, 1) * 255).astype(np.uint8)
    return jpeg(grey, int(rng.integers(25, 95))) if rng.random() < 0.4 else grey


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """The picture, uint8 [H, W] or [H, W, 1 or 3], after a JPEG file of that quality."""
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(file, format="JPEG", quality=quality)
    return np.asarray(Image.open(file)).reshape(pixels.shape)


def render(out: Path, count: int, first_seed: int, side: int, processes: int) -> None:
    """Writes pictures `first_seed` to `first_seed + count - 1` as one file of arrays."""
    with ProcessPoolExecutor(processes) as pool:
        pairs = list(pool.map(partial(spheroids, side=side), range(first_seed, first_seed + count), chunksize=8))
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_suffix(".tmp")  # a training takes what is there for whole
    with unfinished.open("wb") as file:
        np.savez(file, grey=np.stack([p.image[..., 0] for p in pairs]), mask=np.stack([p.mask for p in pairs]))
    unfinished.replace(out)


def main() -> None:
    parser = argparse.ArgumentParser(description="Render synthetic spheroids with exact masks.")
    parser.add_argument("--out", type=Path, required=True, help="the .npz file to write")
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--side", type=int, default=512, help="pixels")
    parser.add_argument("--processes", type=int, default=2)
    render(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
