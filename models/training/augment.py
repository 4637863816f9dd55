"""Turns a pair into a crop that no microscope took but one might have."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from scipy import ndimage

from .architectures.preparation import levels
from .images import Pair
from .noise import smooth_noise
from .synth import jpeg

VARIANCE_FLOOR = 1.0  # grey levels squared; as in preparation.standardise


def crop(pair: Pair, side: int, zoom: tuple[float, float], rng: np.random.Generator
         ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(image, target, weight), float32: the image [2, side, side] as `preparation.prepare` makes it,
    standardised by the mean and deviation of the whole picture; the part of each pixel that is object,
    [1, side, side]; and 0 where the loss must not look, because the picture was continued there."""
    grey, mask = pair.grey, pair.mask
    if rng.random() < 0.08:
        grey, mask = lint(grey, mask, rng)
    grey, mean, deviation = tones(grey, rng)
    image, target, weight = place(grey, mask, side, zoom, rng)
    image = optics((image - mean) / deviation, rng)
    seen = np.stack([image, levels(np.clip(image * deviation + mean, 0, 255))]).astype(np.float32)
    return seen, target[None], weight[None]


def tones(grey: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float, float]:
    """The picture with another gamma or contrast, inverted, or with JPEG blocks; its mean and deviation."""
    if rng.random() < 0.15:
        grey = jpeg(np.ascontiguousarray(grey), int(rng.integers(20, 80)))
    level = np.linspace(0, 1, 256, dtype=np.float32)
    if rng.random() < 0.5:
        level = level ** np.float32(math.exp(rng.uniform(-0.7, 0.7)))
    if rng.random() < 0.2:  # an exposure that clips
        low, high = rng.uniform(0, 0.1), rng.uniform(0.85, 1)
        level = np.clip((level - low) / (high - low), 0, 1)
    if rng.random() < 0.08:
        level = 1 - level
    changed = (255 * level)[grey]
    sample = square(changed[::3, ::3])
    return changed, float(sample.mean()), math.sqrt(float(sample.var()) + VARIANCE_FLOOR)


def square(pixels: np.ndarray) -> np.ndarray:
    """The picture continued by its last row or column to a square, as the fit continues it."""
    height, width = pixels.shape
    side = max(height, width)
    return np.pad(pixels, ((0, side - height), (0, side - width)), mode="edge")


def lint(grey: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A hair or a shred across the picture, brighter or darker than all else; nothing under it is object."""
    height, width = grey.shape
    canvas = Image.new("L", (width, height))
    ends = rng.uniform(-0.2, 1.2, (3, 2)) * (width, height)
    thick = int(rng.uniform(2, 0.12 * min(width, height)))
    ImageDraw.Draw(canvas).line([tuple(end) for end in ends], fill=255, width=thick, joint="curve")
    cover = ndimage.gaussian_filter(np.asarray(canvas, np.float32) / 255, rng.uniform(0.5, 3))
    level = rng.uniform(float(grey.max()), 255) if rng.random() < 0.6 else rng.uniform(0, float(grey.min()) + 1)
    covered = (1 - cover) * grey + cover * level
    return covered.astype(np.uint8), np.where(cover > 0.5, 0, mask).astype(np.uint8)


def place(grey: np.ndarray, mask: np.ndarray, side: int, zoom: tuple[float, float], rng: np.random.Generator
          ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A window of the picture: turned, flipped, scaled, stretched and bent in a single resampling."""
    height, width = grey.shape
    scale = math.exp(rng.uniform(math.log(zoom[0]), math.log(zoom[1])))
    angle = rng.choice([0, 0.5, 1, 1.5]) * math.pi + (rng.uniform(-0.6, 0.6) if rng.random() < 0.6 else 0)
    stretch = math.exp(rng.normal(0, 0.06))
    across, down = 1 / (scale * stretch), stretch / scale
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    turn = turn @ np.diag([across * rng.choice([-1, 1]), down])
    reach = np.minimum(np.array([width, height]) / 2, side / scale / 2)
    centre = rng.uniform(reach, np.array([width, height]) - reach)

    ys, xs = np.mgrid[:side, :side].astype(np.float32) - (side - 1) / 2
    bend = rng.uniform(0, 6) if rng.random() < 0.3 else 0
    if bend:
        xs = xs + bend * smooth_noise(rng, side, side / 3)
        ys = ys + bend * smooth_noise(rng, side, side / 3)
    x = centre[0] + turn[0, 0] * xs + turn[0, 1] * ys
    y = centre[1] + turn[1, 0] * xs + turn[1, 1] * ys

    grid = torch.from_numpy(np.stack([2 * x / width - 1, 2 * y / height - 1], axis=-1).astype(np.float32))[None]
    layers = torch.from_numpy(np.stack([grey, mask.astype(np.float32)]))[None]
    if scale < 0.75:  # what shrinks is smoothed first, as the fit smooths
        layers = smooth(layers, 0.4 / scale)
    mirrored = rng.random() < 0.5
    sampled = F.grid_sample(layers, grid, mode="bilinear", align_corners=False,
                            padding_mode="reflection" if mirrored else "border")[0].numpy()
    inside = np.ones((side, side), np.float32)
    if not mirrored:
        inside = ((x >= 0) & (x < width) & (y >= 0) & (y < height)).astype(np.float32)
    return sampled[0], np.clip(sampled[1] / 255, 0, 1), inside


def smooth(layers: torch.Tensor, sigma: float) -> torch.Tensor:
    """[1, C, H, W] through a Gaussian."""
    return torch.from_numpy(ndimage.gaussian_filter(layers.numpy(), (0, 0, sigma, sigma)))


def optics(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light, focus, noise and gain of another instrument, on a standardised picture."""
    side = len(image)
    if rng.random() < 0.35:
        image = ndimage.gaussian_filter(image, rng.uniform(0.3, 1.8))
    if rng.random() < 0.4:
        image = image + rng.uniform(0, 0.35) * smooth_noise(rng, side, side * rng.uniform(0.5, 1))
    if rng.random() < 0.4:
        image = image + rng.uniform(0, 0.25) * rng.standard_normal(image.shape, dtype=np.float32)
    return (image * math.exp(rng.normal(0, 0.12)) + rng.normal(0, 0.12)).astype(np.float32)
