"""The first thing that every model does with the grey levels that it is given."""

import torch


def standardise(x: torch.Tensor) -> torch.Tensor:
    """Float [N, C, H, W] of mean 0 and variance 1 in each image, from grey levels 0..255.

    The variance is that of the image plus one grey level squared, so that the noise of an empty
    picture does not grow to the size of objects.
    """
    centred = x - x.mean(dim=(1, 2, 3), keepdim=True)
    return centred / torch.sqrt((centred * centred).mean(dim=(1, 2, 3), keepdim=True) + 1.0)
