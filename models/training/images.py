"""Images and masks as arrays, and what the hub does to an image before it runs a model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from .flows import Objects, flow_to_middles

OVERLAP = 9           # the part of a tile, 1 in so many, that the next one shares, at least; the hub's models.overlap
SATURATED = 0.1       # per cent of the samples that a stretch makes black, and again white
LEAST_RANGE = 8       # grey levels that a stretch spreads at the most over all 256


@dataclass(frozen=True)
class Pair:
    """An image and what a model is to find in it, of one size."""

    name: str
    image: np.ndarray   # uint8 [H, W, 1 or 3]
    target: np.ndarray  # uint8 [H, W, 1]: object, 255 = yes, between = the part of the pixel
    objects: Objects | None = None  # one by one, for a model that tells where each has its middle

    @property
    def mask(self) -> np.ndarray:
        """uint8 [H, W]: the objects."""
        return self.target[..., 0]


def read_image(path: Path, channels: int) -> np.ndarray:
    """uint8 [H, W, channels]. Colour becomes luminance (ITU-R 601) when one channel is wanted, grey three equal
    ones when three are; 16 bits are stretched as the hub does."""
    with Image.open(path) as image:
        if not image.mode.startswith("I"):
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
            return pixels.reshape(*pixels.shape[:2], channels)
        wide = np.asarray(image).astype(np.float32)
    return np.repeat(stretch(wide, 1).astype(np.uint8)[..., None], channels, axis=2)


def stretch(pixels: np.ndarray, least: float = LEAST_RANGE) -> np.ndarray:
    """float32 0..255 of the same shape: all samples scaled alike, so that the darkest and the brightest 0.1 % of
    them saturate. A range under `least` is not spread to all levels: it would be noise. The hub's models.stretch."""
    low, high = np.percentile(pixels, (SATURATED, 100 - SATURATED))
    return np.clip((pixels.astype(np.float32) - low) * (255 / max(high - low, least)), 0, 255)


def read_labels(path: Path) -> np.ndarray:
    """int32 [H, W]: the number of the object that each pixel is of, 0 = background."""
    with Image.open(path) as image:
        return np.asarray(image).astype(np.int32)


def read_pair(image: Path, mask: Path, channels: int, objects: str) -> Pair:
    """The pair of an image and its label image, for a model that makes objects that way; see `Recipe.objects`."""
    labels = read_labels(mask)
    target = np.where(labels > 0, 255, 0).astype(np.uint8)[..., None]
    told = Objects(labels, flow_to_middles(labels)) if objects == "flow" else None
    return Pair(image.name, read_image(image, channels), target, told)


def resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """The hub's way: the mean of the area that a pixel covers where it shrinks, bilinear where it grows.
    Takes and gives uint8 [H, W] or [H, W, channels]."""
    if pixels.ndim == 3:
        return np.stack([resize(np.ascontiguousarray(layer), width, height) for layer in np.moveaxis(pixels, 2, 0)], axis=-1)
    shrinks = width < pixels.shape[1] or height < pixels.shape[0]
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.BOX if shrinks else Image.BILINEAR))


def fitted_size(width: int, height: int, side: int) -> tuple[int, int]:
    """(width, height) of an image scaled, its aspect kept, until it just fits a square."""
    scale = side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def scale_to_fit(pair: Pair, side: int) -> Pair:
    """The pair scaled, up or down, until it just fits a square of `side`; not padded."""
    height, width = pair.image.shape[:2]
    size = fitted_size(width, height, side)
    return Pair(pair.name, resize(pair.image, *size), resize(pair.target, *size))


def fit(image: np.ndarray, side: int) -> tuple[np.ndarray, tuple[int, int]]:
    """uint8 [side, side, channels] with the image in its top left and its edge repeated beyond; and the (width,
    height) that the image takes up in it. The hub's `models.Fit` does the same."""
    height, width = image.shape[:2]
    size = fitted_size(width, height, side)
    return continued(resize(image, *size), side), size


def unfit(outputs: np.ndarray, size: tuple[int, int], width: int, height: int) -> np.ndarray:
    """uint8 [height, width, values]: the outputs of the image itself, from those of its fit."""
    return resize(np.ascontiguousarray(outputs[: size[1], : size[0]]), width, height)


def continued(image: np.ndarray, side: int) -> np.ndarray:
    """The image's first `side` rows and columns, its edge repeated where it has fewer."""
    height, width = image.shape[:2]
    padding = ((0, max(0, side - height)), (0, max(0, side - width)), (0, 0))
    return np.pad(image[:side, :side], padding, mode="edge")


@dataclass(frozen=True)
class Span:
    """A tile's part of an axis: it begins at `start`, and `begin` to `end` are the pixels that are taken from it."""

    start: int
    begin: int
    end: int


def tiles_along(length: int, side: int) -> int:
    """How many tiles an axis takes at least."""
    overlap = side // OVERLAP
    return max(1, -(-(length - overlap) // (side - overlap)))


def longest(tiles: int, side: int) -> int:
    """The length of an axis that so many tiles cover at most."""
    return side + (tiles - 1) * (side - side // OVERLAP)


def spans(length: int, side: int) -> list[Span]:
    """The tiles of an axis, as few as overlap by 1 / `OVERLAP`, evenly spread; each gives what lies nearer to its
    middle than to its neighbours'."""
    count = tiles_along(length, side)
    if count == 1:
        return [Span(0, 0, length)]
    starts = [(i * (length - side)) // (count - 1) for i in range(count)]
    cuts = [0, *((a + side + b) // 2 for a, b in zip(starts, starts[1:])), length]
    return [Span(start, begin, end) for start, begin, end in zip(starts, cuts, cuts[1:])]
