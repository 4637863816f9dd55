"""What lies around spheroids and is not spheroid. Each function multiplies light [side, side] in place."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from .noise import smooth_noise


def halo(rng: np.random.Generator, light: np.ndarray, x: float, y: float, radius: float, unit: float) -> None:
    """The cloud of dead cells around a treated body: grainy, lighter than the body, densest near it."""
    side = len(light)
    ys, xs = np.mgrid[:side, :side].astype(np.float32)
    x, y = x + rng.normal() * 0.3 * radius, y + rng.normal() * 0.3 * radius
    reach = radius * rng.uniform(1.5, 3.2)
    distance = np.hypot(xs - x, ys - y) + smooth_noise(rng, side, 0.6 * radius) * 0.15 * reach
    fade = rng.uniform(0.05, 0.6)
    cover = np.clip((1 - distance / reach) / fade, 0, 1)
    cover *= np.clip(0.8 + 0.4 * smooth_noise(rng, side, 0.5 * radius), 0, 1)
    grain = rng.uniform(2, 6) * unit
    grains = np.maximum(smooth_noise(rng, side, grain) + rng.uniform(-0.8, 0.6), 0)
    light *= np.exp(-cover * (rng.uniform(0, 0.2) + rng.uniform(0.08, 0.35) * grains))
    if rng.random() < 0.5:  # flakes: dead cells that stick together
        flakes = np.clip(smooth_noise(rng, side, grain * rng.uniform(2, 4)) - rng.uniform(1.2, 2.2), 0, 1)
        light *= np.exp(-rng.uniform(0.4, 1.5) * (cover > 0) * flakes)
    if rng.random() < 0.4:  # living, refracting cells among the dead
        light *= 1 + cover * rng.uniform(0.1, 0.4) * np.maximum(smooth_noise(rng, side, grain) - 1, 0)


def loose_cells(rng: np.random.Generator, light: np.ndarray, unit: float) -> None:
    """Single cells and specks: a dark ring with a bright middle, or the reverse, or a plain dark dot."""
    side = len(light)
    for _ in range(rng.integers(1, 4)):
        size = rng.uniform(0.7, 3.0) * unit
        points = np.zeros_like(light)
        count = int(rng.exponential(60 if size < 1.8 * unit else 20))
        if rng.random() < 0.4:  # a swarm, at times a dense one, of which each cell is one all the same
            count *= rng.integers(1, 5)
            where = rng.normal(rng.uniform(0, side, 2), rng.uniform(0.04, 0.2) * side, (count, 2))
        else:
            where = rng.uniform(0, side, (count, 2))
        where = where[((where >= 0) & (where < side)).all(axis=1)].astype(int)
        points[where[:, 0], where[:, 1]] = rng.uniform(0.3, 1, len(where))
        area = 2 * math.pi * size ** 2
        spot = ndimage.gaussian_filter(points, size) * area
        ring = ndimage.gaussian_filter(points, 1.7 * size) * area * rng.choice([0, 1.7, 2.4])
        light *= np.clip(1 + rng.choice([-1, 1]) * rng.uniform(0.15, 0.6) * (spot - ring), 0.15, 1.8)


def clumps(rng: np.random.Generator, light: np.ndarray, unit: float) -> None:
    """Small heaps of a few cells, too small and too loose to be called a spheroid."""
    side = len(light)
    for _ in range(rng.integers(1, 9)):
        heap = np.zeros_like(light)
        spread = rng.uniform(1.5, 4) * unit
        where = rng.normal(rng.uniform(0, side, 2), spread, (rng.integers(3, 10), 2)).astype(int)
        where = where[((where >= 0) & (where < side)).all(axis=1)]
        heap[where[:, 0], where[:, 1]] = 1
        size = rng.uniform(0.9, 1.8) * unit
        spot = ndimage.gaussian_filter(heap, size) - 0.7 * ndimage.gaussian_filter(heap, 0.5 * size)
        light *= np.clip(1 - rng.uniform(0.3, 0.7) * spot * 2 * math.pi * size ** 2, 0.3, 1.5)


def crumbs(rng: np.random.Generator, light: np.ndarray, unit: float) -> None:
    """Dead cells and bits of plastic: small, solid, dark, of any shape."""
    side = len(light)
    field = smooth_noise(rng, side, rng.uniform(5, 12) * unit)
    field = field + rng.uniform(0.2, 1.2) * smooth_noise(rng, side, rng.uniform(0.1, 0.4) * side)
    # A high pass mark leaves a few small islands of the field.
    islands = (field > np.quantile(field, 1 - rng.uniform(0.0005, 0.006))).astype(np.float32)
    light *= 1 - rng.uniform(0.3, 0.9) * ndimage.gaussian_filter(islands, rng.uniform(0.4, 1.2) * unit)


def dust(rng: np.random.Generator, light: np.ndarray, unit: float) -> None:
    """Specks far out of focus: soft grey discs."""
    side = len(light)
    ys, xs = np.mgrid[:side, :side].astype(np.float32)
    for _ in range(rng.integers(1, 6)):
        x, y = rng.uniform(0, side, 2)
        radius, soft = rng.uniform(3, 18) * unit, rng.uniform(2, 7) * unit
        disc = 1 / (1 + np.exp(np.clip((np.hypot(xs - x, ys - y) - radius) / soft, -20, 20)))
        light *= 1 - rng.uniform(0.03, 0.25) * disc


def fibres(rng: np.random.Generator, light: np.ndarray, unit: float) -> None:
    """Lint and scratches: long thin curves, dark, or clear with dark sides."""
    side = len(light)
    for _ in range(rng.integers(1, 4)):
        length = int(rng.uniform(0.1, 0.9) * side)
        turn = np.cumsum(rng.normal(0, rng.uniform(0.001, 0.02), length)) + rng.uniform(0, 2 * math.pi)
        path = rng.uniform(0, side, 2) + np.cumsum(np.stack([np.cos(turn), np.sin(turn)], axis=1), axis=0)
        width = rng.uniform(1, 5) * unit
        drawn = draw(side, lambda pen: pen.line([tuple(p) for p in path], fill=255, width=max(1, round(width))))
        drawn = ndimage.gaussian_filter(drawn, rng.uniform(0.4, 1.5) * unit)
        if rng.random() < 0.4:
            drawn = drawn - 0.9 * ndimage.gaussian_filter(drawn, 0.5 * width)
        light *= np.clip(1 - rng.uniform(0.15, 0.85) * drawn, 0.1, 1.6)


def bubbles(rng: np.random.Generator, light: np.ndarray, unit: float) -> None:
    """Air under the lid: a thick dark ring, bright at its inner side, clear in the middle."""
    side = len(light)
    ys, xs = np.mgrid[:side, :side].astype(np.float32)
    for _ in range(rng.integers(1, 4)):
        x, y = rng.uniform(0, side, 2)
        radius = rng.uniform(6, 50) * unit
        distance = np.hypot(xs - x, ys - y)
        ring = rng.uniform(1.2 * unit, 0.12 * radius + 2 * unit)
        dark = np.exp(-(((distance - radius) / ring) ** 2))
        bright = np.exp(-(((distance - radius + 2 * ring) / ring) ** 2))
        light *= 1 - rng.uniform(0.3, 0.9) * dark
        light *= 1 + rng.uniform(0, 0.5) * bright + rng.uniform(-0.06, 0.12) * (distance < radius)


def streaks(rng: np.random.Generator, light: np.ndarray, unit: float) -> None:
    """Scratches and cell tracks on the bottom that all run one way, or out from one point."""
    side = len(light)
    grain = rng.uniform(1.5, 4) * unit
    ys, xs = np.mgrid[:side, :side].astype(np.float32)
    x, y = rng.uniform(-0.2, 1.2, 2) * side
    angle = np.arctan2(ys - y, xs - x) * side / math.pi
    distance = np.hypot(xs - x, ys - y) / rng.uniform(5, 15)
    field = smooth_noise(rng, side, grain)
    pattern = ndimage.map_coordinates(field, [np.mod(angle, side), np.mod(distance, side)], order=1, mode="wrap")
    light *= 1 + rng.uniform(0.01, 0.05) * pattern * np.clip(0.6 + smooth_noise(rng, side, 0.3 * side), 0, 2)


def well_edge(rng: np.random.Generator, light: np.ndarray, unit: float) -> None:
    """The wall of a round well cuts the corner of the picture off: dark beyond, a bright line before."""
    side = len(light)
    ys, xs = np.mgrid[:side, :side].astype(np.float32)
    radius = side * rng.uniform(0.5, 0.9)
    offset = rng.normal(0, 0.1, 2) * side + side / 2
    beyond = np.hypot(xs - offset[0], ys - offset[1]) - radius
    soft = rng.uniform(1, 14) * unit
    light *= 1 - rng.uniform(0.15, 0.9) / (1 + np.exp(np.clip(-beyond / soft, -20, 20)))
    light *= 1 + rng.uniform(0, 0.2) * np.exp(-(((beyond + 2 * soft) / soft) ** 2))


def scale_bar(rng: np.random.Generator, light: np.ndarray, unit: float) -> None:
    """A bar, and often its length, burnt into a corner, white or black."""
    side = len(light)
    length, thick = rng.uniform(0.08, 0.25) * side, rng.uniform(2, 6) * unit
    x = rng.choice([0.04 * side, 0.96 * side - length])
    y = rng.choice([0.06, 0.93]) * side

    def draw_bar(pen: ImageDraw.ImageDraw) -> None:
        pen.rectangle([x, y, x + length, y + thick], fill=255)
        pen.text((x, y - 14 * unit), f"{rng.choice([50, 100, 200, 500])} um", fill=255, font=ImageFont.load_default())

    drawn = draw(side, draw_bar)
    light[:] = np.where(drawn > 0.5, rng.choice([0.02, 1.6]), light)


def draw(side: int, how) -> np.ndarray:
    """float32 [side, side], 0..1, of what `how` draws with a pen."""
    canvas = Image.new("L", (side, side))
    how(ImageDraw.Draw(canvas))
    return np.asarray(canvas, dtype=np.float32) / 255
