"""The first thing that every model does with the grey levels that it is given."""

import numpy as np
import torch


def prepare(x: torch.Tensor, scaling: str) -> torch.Tensor:
    """What a network sees, float [N, 2 C, H, W], of grey levels 0..255, float [N, C, H, W].

    A whole picture ("fit") comes standardised, which is the same however the exposure was set, and then as the
    levels themselves: where objects fill a picture they alone tell a black ground from a bright one. A tile
    ("native") comes as levels, which the hub has stretched over the whole picture, because what a tile would make
    of its own mean would not fit its neighbour's; and as their roots, in which the dim nucleus beside a bright
    one still stands out.
    """
    if scaling == "fit":
        return torch.cat([standardise(x), levels(x)], dim=1)
    return torch.cat([levels(x), roots(x)], dim=1)


def seen_channels(channels: int) -> int:
    """How many channels `prepare` makes of so many."""
    return 2 * channels


def standardise(x: torch.Tensor) -> torch.Tensor:
    """Float [N, C, H, W] of mean 0 and variance 1 in each image.

    The variance is that of the image plus one grey level squared, so that the noise of an empty
    picture does not grow to the size of objects.
    """
    centred = x - x.mean(dim=(1, 2, 3), keepdim=True)
    return centred / torch.sqrt((centred * centred).mean(dim=(1, 2, 3), keepdim=True) + 1.0)


def levels(x):
    """Grey levels 0..255 as -1..1, of tensors and arrays alike."""
    return x / 127.5 - 1


def roots(x):
    """Square roots of grey levels 0..255 as -1..1, of tensors and arrays alike."""
    root = torch.sqrt if isinstance(x, torch.Tensor) else np.sqrt  # a power would take a twentieth of the exported graph's time
    return 2 * root(x / 255) - 1
