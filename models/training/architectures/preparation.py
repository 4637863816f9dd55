"""The first thing that every model does with the grey levels that it is given."""

import torch

CHANNELS = 2


def prepare(x: torch.Tensor) -> torch.Tensor:
    """What a network sees, float [N, 2, H, W], of grey levels 0..255, float [N, 1, H, W].

    First the standardised picture, which is the same however the exposure was set. Then the levels
    themselves, -1 to 1: where objects fill a picture they alone tell a black ground from a bright one.
    """
    return torch.cat([standardise(x), levels(x)], dim=1)


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
