"""The residual block of He et al. 2016 (CVPR), which HRNet and CBAM-ResUNet are made of."""

import torch
import torch.nn.functional as F
from torch import nn

from .unet import NORMS


class Residual(nn.Module):
    """Float [N, inputs, H, W] to [N, outputs, H, W]: two 3x3 convolutions beside a way around them."""

    def __init__(self, inputs: int, outputs: int, norm: str):
        super().__init__()
        self.body = nn.Sequential(
            rectified(inputs, outputs, norm),
            convolution(outputs, outputs, norm),
        )
        self.shortcut = shortcut(inputs, outputs, norm)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


def shortcut(inputs: int, outputs: int, norm: str) -> nn.Module:
    """The way around a block: nothing at all, unless the number of channels changes."""
    return nn.Identity() if inputs == outputs else convolution(inputs, outputs, norm, kernel=1)


def convolution(inputs: int, outputs: int, norm: str, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution, normalised. Its output is 1/stride of its input, rounded up for odd kernels."""
    return nn.Sequential(
        # No bias: the normalisation would take it away again.
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=(kernel - 1) // 2, bias=False),
        NORMS[norm](outputs),
    )


def rectified(inputs: int, outputs: int, norm: str, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution, normalised and rectified."""
    return nn.Sequential(*convolution(inputs, outputs, norm, kernel, stride), nn.ReLU(inplace=True))
