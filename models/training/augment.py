"""Turns a pair into a crop that no microscope took but one might have."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from scipy import ndimage

from .architectures.preparation import levels, roots
from .images import Pair, stretch
from .noise import smooth_noise
from .synth import jpeg

VARIANCE_FLOOR = 1.0  # grey levels squared; as in preparation.standardise


def crop(pair: Pair, side: int, zoom: tuple[float, float], scaling: str, rng: np.random.Generator
         ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(image, target, weight), float32: the image [channels, side, side] as `preparation.prepare` makes it,
    standardised or stretched by what the whole picture is like; the part of each pixel that is of each layer of the
    target, [layers, side, side]; and [1, side, side], 0 where the loss must not look, because the picture was
    continued there."""
    image, target = pair.image, pair.target
    if rng.random() < 0.08:
        image, target = lint(image, target, rng)
    if image.shape[2] == 3:
        image = stain(image, rng)
    image = tones(image, rng)
    if scaling == "native":
        image, mean, deviation = stretch(image), 127.5, 64.0
    else:
        mean, deviation = statistics(image)
    image, target, weight = place(image, target, side, zoom, rng)
    image = optics((image - mean) / deviation, rng)
    shown = np.clip(image * deviation + mean, 0, 255)
    seen = [levels(shown), roots(shown)] if scaling == "native" else [image, levels(shown)]
    return np.concatenate(seen).astype(np.float32), target, weight


def tones(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture with another gamma or contrast, in few levels, inverted, or with JPEG blocks; float32."""
    if rng.random() < 0.15:
        image = jpeg(image, int(rng.integers(20, 80)))
    level = np.linspace(0, 1, 256, dtype=np.float32)
    if rng.random() < 0.5:
        level = level ** np.float32(math.exp(rng.uniform(-0.7, 0.7)))
    if rng.random() < 0.2:  # an exposure that clips
        low, high = rng.uniform(0, 0.1), rng.uniform(0.85, 1)
        level = np.clip((level - low) / (high - low), 0, 1)
    if rng.random() < 0.1:  # a corner of 16 bits, or a dim lamp: few levels, far apart once they are stretched
        steps = rng.integers(12, 100)
        level = np.round(level * steps) / steps
    if rng.random() < 0.08:
        level = 1 - level
    return (255 * level)[image]


def stain(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture of three channels as grey, as a dye in its colour, or stained more, less and in other hues."""
    kind = rng.random()
    if kind < 0.2:
        grey = np.asarray(Image.fromarray(image).convert("L"))
        return np.repeat(grey[..., None], 3, axis=2)
    if np.ptp(image.astype(np.int16), axis=2).max() == 0:
        if kind < 0.8:
            return image
        tint = np.where(np.arange(3) == rng.integers(3), 1, rng.uniform(0, 0.5, 3))
        return (image * tint).astype(np.uint8)
    # Dyes absorb: what they take of the light multiplies (Beer and Lambert), so that its logarithm adds up.
    absorbed = -np.log((image.astype(np.float32) + 1) / 256)
    mix = (np.eye(3) + rng.normal(0, 0.1, (3, 3))) * np.exp(rng.normal(0, 0.2, 3)) * math.exp(rng.normal(0, 0.3))
    return np.clip(256 * np.exp(-absorbed @ mix.astype(np.float32)) - 1, 0, 255).astype(np.uint8)


def statistics(image: np.ndarray) -> tuple[float, float]:
    """Mean and deviation of the picture continued to a square, as the fit continues it and the model sees it."""
    sample = square(image[::3, ::3])
    return float(sample.mean()), math.sqrt(float(sample.var()) + VARIANCE_FLOOR)


def square(pixels: np.ndarray) -> np.ndarray:
    """The picture continued by its last row or column to a square, as the fit continues it."""
    height, width = pixels.shape[:2]
    side = max(height, width)
    return np.pad(pixels, ((0, side - height), (0, side - width), (0, 0)), mode="edge")


def lint(image: np.ndarray, target: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A hair or a shred across the picture, brighter or darker than all else; nothing under it is object."""
    height, width = image.shape[:2]
    canvas = Image.new("L", (width, height))
    ends = rng.uniform(-0.2, 1.2, (3, 2)) * (width, height)
    thick = int(rng.uniform(2, 0.12 * min(width, height)))
    ImageDraw.Draw(canvas).line([tuple(end) for end in ends], fill=255, width=thick, joint="curve")
    cover = ndimage.gaussian_filter(np.asarray(canvas, np.float32) / 255, rng.uniform(0.5, 3))[..., None]
    level = rng.uniform(float(image.max()), 255) if rng.random() < 0.6 else rng.uniform(0, float(image.min()) + 1)
    covered = (1 - cover) * image + cover * level
    return covered.astype(np.uint8), np.where(cover > 0.5, 0, target).astype(np.uint8)


def place(image: np.ndarray, target: np.ndarray, side: int, zoom: tuple[float, float], rng: np.random.Generator
          ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A window of the picture: turned, flipped, scaled, squeezed and bent in a single resampling. Takes [H, W, C],
    gives the image and the target as [C, side, side] and the weight as [1, side, side]."""
    height, width = image.shape[:2]
    scale = math.exp(rng.uniform(math.log(zoom[0]), math.log(zoom[1])))
    angle = rng.choice([0, 0.5, 1, 1.5]) * math.pi + (rng.uniform(-0.6, 0.6) if rng.random() < 0.6 else 0)
    narrower = math.exp(rng.normal(0, 0.06))
    across, down = 1 / (scale * narrower), narrower / scale
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

    mirrored = rng.random() < 0.5
    inside = np.ones((1, side, side), np.float32)
    if not mirrored:
        inside = ((x >= 0) & (x < width) & (y >= 0) & (y < height)).astype(np.float32)[None]
    layers = np.concatenate([image, target], axis=2).transpose(2, 0, 1).astype(np.float32)
    if scale < 0.75:  # what shrinks is smoothed first, as the fit smooths
        layers = ndimage.gaussian_filter(layers, (0, 0.4 / scale, 0.4 / scale))
    grid = torch.from_numpy(np.stack([2 * x / width - 1, 2 * y / height - 1], axis=-1).astype(np.float32))[None]
    sampled = F.grid_sample(torch.from_numpy(layers)[None], grid, mode="bilinear", align_corners=False,
                            padding_mode="reflection" if mirrored else "border")[0].numpy()
    channels = image.shape[2]
    return sampled[:channels], np.clip(sampled[channels:] / 255, 0, 1), inside


def optics(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light, focus, noise and gain of another instrument, on a standardised picture [C, side, side]."""
    side = image.shape[-1]
    if rng.random() < 0.35:
        sigma = rng.uniform(0.3, 1.8)
        image = ndimage.gaussian_filter(image, (0, sigma, sigma))
    if rng.random() < 0.4:
        image = image + rng.uniform(0, 0.35) * smooth_noise(rng, side, side * rng.uniform(0.5, 1))
    if rng.random() < 0.4:
        image = image + rng.uniform(0, 0.25) * rng.standard_normal(image.shape, dtype=np.float32)
    return (image * math.exp(rng.normal(0, 0.12)) + rng.normal(0, 0.12)).astype(np.float32)
