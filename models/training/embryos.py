"""One synthetic embryo in DIC or modulation contrast: a large body as light as what is around it, told by its rim and its grain."""

import math

import numpy as np
from scipy import ndimage

from .bodies import Body, blob_height, largest_component
from .noise import smooth_noise


def make_embryo(rng: np.random.Generator, radius: float, unit: float) -> Body:
    """An embryo of about `radius` pixels, its shell in its mask; `unit` is the size of a pixel of a 512-pixel picture."""
    side = int(3.4 * radius + 24 * unit)
    mask = outline(rng, side, radius, unit)
    return Body(mask, light_through(rng, mask, radius, unit))


def outline(rng: np.random.Generator, side: int, radius: float, unit: float) -> np.ndarray:
    """bool [side, side]: a smooth oval, round as a mouse's or long as a worm's."""
    height = blob_height(rng, side, side / 2, side / 2, radius, longest=rng.choice([1.2, 2.0]), roughest=0.04)
    return largest_component(height + smooth_noise(rng, side, 0.6 * radius) * rng.uniform(0, 0.04) * radius > 0)


def light_through(rng: np.random.Generator, mask: np.ndarray, radius: float, unit: float) -> np.ndarray:
    """float32 [side, side]: granular inside, at times with cells; a dark rim; light on one side and shade on the other."""
    side = len(mask)
    inside = ndimage.distance_transform_edt(mask).astype(np.float32)
    outside = ndimage.distance_transform_edt(~mask).astype(np.float32)
    deep = np.clip(inside / (rng.uniform(0.1, 0.5) * radius), 0, 1)

    grain = rng.uniform(1.5, 6) * unit
    granules = smooth_noise(rng, side, grain) + 0.5 * smooth_noise(rng, side, 3 * grain)
    seams, smooth = cells(rng, mask, radius, unit) if rng.random() < 0.6 else (0, 1)
    through = 1 + rng.uniform(-0.15, 0.15) + rng.uniform(0.03, 0.13) * granules * smooth - rng.uniform(0.1, 0.45) * seams
    if rng.random() < 0.3:  # yolk, which takes light away where it is thick
        through = through * (1 - rng.uniform(0.1, 0.6) * deep)

    width = rng.uniform(1.5, 9) * unit
    at = rng.uniform(0, 1.5) * width  # how far inside the outline the rim is darkest
    through = through * (1 - rng.uniform(0.2, 0.85) * np.exp(-(((inside - at) / width) ** 2)))
    alpha = ndimage.gaussian_filter(mask.astype(np.float32), rng.uniform(0.5, 2) * unit)
    fringe = 1 + rng.uniform(-0.1, 0.4) * np.exp(-((outside / (width * rng.uniform(0.5, 2))) ** 2))
    light = alpha * through + (1 - alpha) * fringe
    if rng.random() < 0.6:
        light = light + rng.uniform(0.1, 0.5) * relief(rng, mask, rng.uniform(1.5, 8) * unit)
    # The patch ends before the fringe does in all cases, so that no square shows.
    light = 1 + (light - 1) * np.clip((0.6 * radius + 6 * unit - outside) / (4 * unit), 0, 1)
    return np.clip(light, 0.05, 2).astype(np.float32)


def cells(rng: np.random.Generator, mask: np.ndarray, radius: float, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Two float32 [side, side], 0..1: the seams between a few cells, and how granular it is, less where their nuclei are."""
    middles = np.argwhere(mask)[rng.integers(0, mask.sum(), rng.integers(1, 12))]
    ys, xs = np.mgrid[: len(mask), : len(mask)].astype(np.float32)
    distances = np.sort(np.stack([np.hypot(ys - y, xs - x) for y, x in middles]), axis=0)
    near = distances[0]
    seams = np.exp(-(((distances[1] - near) / (rng.uniform(2, 6) * unit)) ** 2)) if len(middles) > 1 else np.zeros_like(near)
    nucleus = rng.uniform(0.08, 0.3) * radius / math.sqrt(len(middles)) + 2 * unit
    return seams, 1 - rng.uniform(0.3, 0.9) / (1 + np.exp(np.clip((near - nucleus) / unit, -20, 20)))


def relief(rng: np.random.Generator, mask: np.ndarray, blur: float) -> np.ndarray:
    """float32 [side, side], -1..1: the slope of the body's edge in one direction, which DIC shows as light and shade."""
    down, right = np.gradient(ndimage.gaussian_filter(mask.astype(np.float32), blur))
    angle = rng.uniform(0, 2 * math.pi)
    slope = math.cos(angle) * right + math.sin(angle) * down
    return slope / np.abs(slope).max()
