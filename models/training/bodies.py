"""One synthetic spheroid: its outline, exact to the pixel, and how much light it lets through."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .noise import smooth_noise


@dataclass(frozen=True)
class Body:
    """A square patch with the body in its middle."""

    mask: np.ndarray          # bool [side, side]
    transmission: np.ndarray  # float32 [side, side]; what multiplies the light behind; 1 far from the body


def make_body(rng: np.random.Generator, radius: float, unit: float) -> Body:
    """A body of about `radius` pixels; `unit` is the size of a pixel of a 512-pixel picture."""
    side = int(4.4 * radius + 24 * unit)
    mask = outline(rng, side, radius, unit)
    return Body(mask, light_through(rng, mask, radius, unit))


def outline(rng: np.random.Generator, side: int, radius: float, unit: float) -> np.ndarray:
    """bool [side, side]: one connected silhouette without holes, round, lobed, ragged or budding."""
    middle = side / 2
    height = blob_height(rng, side, middle, middle, radius)
    if rng.random() < 0.35:
        for _ in range(rng.integers(1, 5)):
            angle, part = rng.uniform(0, 2 * math.pi), rng.uniform(0.3, 0.75)
            reach = radius * rng.uniform(0.6, 1.0)
            lobe = blob_height(rng, side, middle + reach * math.cos(angle), middle + reach * math.sin(angle),
                               radius * part)
            height = np.maximum(height, lobe)
    # Height is in pixels near the outline, so these amplitudes are those of the outline's wandering.
    height = height + smooth_noise(rng, side, rng.uniform(4, 10) * unit) * rng.uniform(0, 1.6) * unit
    height = height + smooth_noise(rng, side, radius * rng.uniform(0.3, 0.8)) * rng.uniform(0, 0.08) * radius
    mask = height > 0
    if rng.random() < 0.4:
        mask |= buds(rng, mask, unit)
    return largest_component(mask)


def blob_height(rng: np.random.Generator, side: int, x: float, y: float, radius: float, longest: float = 1.45,
                roughest: float = 0.1) -> np.ndarray:
    """A hill, 0 at a closed curve around (x, y): an ellipse, up to so many times as long as wide, with a few harmonics of the
    angle."""
    ys, xs = np.mgrid[:side, :side].astype(np.float32)
    tilt, stretch = rng.uniform(0, math.pi), math.sqrt(rng.uniform(1, longest))
    along = ((xs - x) * math.cos(tilt) + (ys - y) * math.sin(tilt)) / stretch
    across = ((ys - y) * math.cos(tilt) - (xs - x) * math.sin(tilt)) * stretch
    angle = np.arctan2(across, along)
    curve = np.ones_like(angle)
    roughness = rng.uniform(0, roughest)
    for order in range(2, 8):
        curve += roughness * rng.normal() / math.sqrt(order) * np.cos(order * angle + rng.uniform(0, 2 * math.pi))
    return radius * np.maximum(curve, 0.3) - np.hypot(along, across)


def buds(rng: np.random.Generator, mask: np.ndarray, unit: float) -> np.ndarray:
    """Single cells that sit on the outline, as discs."""
    border = np.argwhere(mask & ~ndimage.binary_erosion(mask))
    out = np.zeros_like(mask)
    if not len(border):
        return out
    ys, xs = np.ogrid[: mask.shape[0], : mask.shape[1]]
    for y, x in border[rng.integers(0, len(border), rng.integers(3, 25))]:
        out |= (xs - x) ** 2 + (ys - y) ** 2 < (rng.uniform(1.5, 4.5) * unit) ** 2
    return out


def largest_component(mask: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(ndimage.binary_fill_holes(mask))
    if count <= 1:
        return labels > 0
    return labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])


def grapes(rng: np.random.Generator, mask: np.ndarray, cell: float) -> np.ndarray:
    """Refracting cells packed over the body, each a bright middle in a dark ring; about -1 to 1."""
    middles = np.zeros(mask.shape, np.float32)
    inside = np.argwhere(mask)
    count = max(1, int(rng.uniform(0.3, 0.9) * len(inside) / cell ** 2))
    middles[tuple(inside[rng.integers(0, len(inside), count)].T)] = 1
    area = 2 * math.pi * (0.3 * cell) ** 2
    spots = ndimage.gaussian_filter(middles, 0.3 * cell) * area
    return np.clip(1.6 * spots - 1.8 * ndimage.gaussian_filter(middles, 0.5 * cell) * area, -1.2, 1.2)


def light_through(rng: np.random.Generator, mask: np.ndarray, radius: float, unit: float) -> np.ndarray:
    """The transmission of a body: Beer-Lambert through a rounded thickness, grains of cells, a rim."""
    side = len(mask)
    inside = ndimage.distance_transform_edt(mask).astype(np.float32)
    outside = ndimage.distance_transform_edt(~mask).astype(np.float32)
    depth = np.clip(inside / (radius * rng.uniform(0.35, 1.1)), 0, 1)
    thickness = np.sqrt(1 - (1 - depth) ** 2)
    density = {"dark": rng.uniform(1.3, 3.5), "grey": rng.uniform(0.5, 1.3),
               "pale": rng.uniform(0.12, 0.5)}[rng.choice(["dark", "grey", "pale"], p=[0.5, 0.33, 0.17])]
    # Even a thin edge scatters light out of the objective: `edge` is what is lost there at once.
    edge = rng.uniform(0.1, 0.5)
    absorbed = density * (edge + (1 - edge) * thickness)

    cell = rng.uniform(2.5, 7) * unit
    grains = smooth_noise(rng, side, cell) + 0.6 * smooth_noise(rng, side, 2.5 * cell)
    if rng.random() < 0.5:
        grains = 2 * (np.abs(smooth_noise(rng, side, 1.6 * cell)) - 0.8) + 0.3 * grains  # cells with bright seams
    if rng.random() < 0.25:
        grains = 0.3 * grains - grapes(rng, mask, cell)
    strength = rng.uniform(0.08, 0.35) if density < 1.3 else rng.uniform(0.02, 0.22)
    absorbed = absorbed + strength * grains * (1 - 0.6 * thickness)
    if rng.random() < 0.3:  # a core, necrotic or thinner
        core = np.clip((depth - rng.uniform(0.2, 0.6)) * 3, 0, 1)
        absorbed = absorbed * (1 + rng.uniform(-0.5, 0.6) * core)
    floor = rng.uniform(0.02, 0.15)
    through = floor + (1 - floor) * np.exp(-np.maximum(absorbed, -0.25))

    width = rng.uniform(1, 5) * unit
    through = through * (1 + rng.uniform(-0.4, 0.5) * np.exp(-((inside / width) ** 2)))
    alpha = ndimage.gaussian_filter(mask.astype(np.float32), rng.uniform(0.4, 2.0) * unit)
    around = 1 + rng.uniform(-0.2, 0.3) * np.exp(-((outside / (width * rng.uniform(0.7, 3))) ** 2))
    # The patch ends before the body's glow does in all cases, so that no square shows.
    around = 1 + (around - 1) * np.clip((2.1 * radius + 10 * unit - outside) / (4 * unit), 0, 1)
    return (alpha * through + (1 - alpha) * around).astype(np.float32)
