"""Grey images and masks as arrays, and the fit that the hub makes before it runs a model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Pair:
    """An image and its mask, of one size."""

    name: str
    grey: np.ndarray  # uint8 [H, W]
    mask: np.ndarray  # uint8 [H, W]; 255 = object, between = the part of the pixel that is object


def read_grey(path: Path) -> np.ndarray:
    """uint8 [H, W]: colour becomes luminance (ITU-R 601); 16 bits are stretched as the hub does."""
    with Image.open(path) as image:
        if not image.mode.startswith("I"):
            return np.asarray(image.convert("L"))
        wide = np.asarray(image).astype(np.float32)
    # The darkest and brightest 0.1 % of the pixels saturate.
    low, high = np.percentile(wide, (0.1, 99.9))
    return np.clip((wide - low) * (255 / max(high - low, 1)), 0, 255).astype(np.uint8)


def read_mask(path: Path) -> np.ndarray:
    """uint8 [H, W], 0 or 255, of a label image."""
    with Image.open(path) as image:
        return np.where(np.asarray(image) > 0, 255, 0).astype(np.uint8)


def resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """The hub's way: the mean of the area that a pixel covers where it shrinks, bilinear where it grows."""
    shrinks = width < pixels.shape[1] or height < pixels.shape[0]
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.BOX if shrinks else Image.BILINEAR))


def fitted_size(width: int, height: int, side: int) -> tuple[int, int]:
    """(width, height) of an image scaled, its aspect kept, until it just fits a square."""
    scale = side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def scale_to_fit(pair: Pair, side: int) -> Pair:
    """The pair scaled, up or down, until it just fits a square of `side`; not padded."""
    height, width = pair.grey.shape
    size = fitted_size(width, height, side)
    return Pair(pair.name, resize(pair.grey, *size), resize(pair.mask, *size))


def fit(grey: np.ndarray, side: int) -> tuple[np.ndarray, tuple[int, int]]:
    """uint8 [side, side] with the image in its top left and its edge repeated beyond; and the (width,
    height) that the image takes up in it. The hub's `models.Fit` does the same."""
    height, width = grey.shape
    size = fitted_size(width, height, side)
    inner = resize(grey, *size)
    padding = ((0, side - size[1]), (0, side - size[0]))
    return np.pad(inner, padding, mode="edge"), size


def unfit(probability: np.ndarray, size: tuple[int, int], width: int, height: int) -> np.ndarray:
    """uint8 [height, width]: the probability map of the image itself, from that of its fit."""
    return resize(np.ascontiguousarray(probability[: size[1], : size[0]]), width, height)
