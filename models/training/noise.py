"""Random fields that pictures are made of."""

import math

import numpy as np
from PIL import Image
from scipy import ndimage


def smooth_noise(rng: np.random.Generator, side: int, scale: float) -> np.ndarray:
    """float32 [side, side] of mean 0 and variance 1 whose grains are about `scale` pixels wide."""
    if scale < 4:
        field = ndimage.gaussian_filter(rng.standard_normal((side, side), dtype=np.float32), scale / 2)
    else:
        # Wide grains carry no fine detail: drawn small and enlarged, they cost next to nothing.
        cells = max(3, math.ceil(2 * side / scale))
        small = rng.standard_normal((cells, cells), dtype=np.float32)
        field = np.asarray(Image.fromarray(small).resize((side, side), Image.BICUBIC))
    return (field - field.mean()) / (field.std() + 1e-6)
