"""CBAM-ResUNet: a U-Net of residual blocks that attends to channels, to places, and to what its skips bring.

Residual U-Net after Zhang et al. 2018 (IEEE GRSL 15), attention in the blocks after Woo et al. 2018 (ECCV, "CBAM"),
gates on the skips after Oktay et al. 2018 (MIDL, "Attention U-Net").
"""

import torch
import torch.nn.functional as F
from torch import nn

from .residual import Residual, convolution, rectified


class CBAMResUNet(nn.Module):
    """Logits [N, outputs, H, W] of prepared float [N, channels, H, W].

    width: channels of the first level; each level has twice as many, up to `widest` times `width`.
    stem: 1 works at full resolution; 2 at half of it, with the logits doubled bilinearly, as in `UNet`.

    H and W must be multiples of `multiple`.
    """

    def __init__(self, width: int = 16, levels: int = 5, widest: int = 8, stem: int = 2,
                 channels: int = 2, outputs: int = 1, norm: str = "batch"):
        super().__init__()
        if stem not in (1, 2):
            raise ValueError(f"stem must be 1 or 2, not {stem}")
        self.stem = stem
        self.multiple = stem * 2 ** (levels - 1)
        widths = [width * min(2 ** level, widest) for level in range(levels)]
        pairs = list(zip(widths, widths[1:]))
        self.first = nn.Sequential(
            rectified(channels, width, norm, kernel=6 if stem == 2 else 3, stride=stem),
            Block(width, width, norm),
        )
        self.down = nn.ModuleList(Block(fine, coarse, norm) for fine, coarse in pairs)
        self.bridge = Block(widths[-1], widths[-1], norm)
        self.up = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 2, stride=2) for fine, coarse in pairs)
        self.gates = nn.ModuleList(Gate(fine, norm) for fine, _ in pairs)
        self.merge = nn.ModuleList(Block(2 * fine, fine, norm) for fine, _ in pairs)
        self.last = rectified(width, width // 2, norm)
        self.head = nn.Conv2d(width // 2, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = [self.first(x)]
        for down in self.down:
            skips.append(down(F.max_pool2d(skips[-1], 2)))
        x = self.bridge(skips.pop())
        for up, gate, merge in zip(reversed(self.up), reversed(self.gates), reversed(self.merge)):
            x = up(x)
            x = merge(torch.cat([gate(skips.pop(), x), x], dim=1))
        logits = self.head(self.last(x))
        if self.stem == 1:
            return logits
        return F.interpolate(logits, scale_factor=float(self.stem), mode="bilinear", align_corners=False)


class Block(nn.Sequential):
    """A residual block, then attention to channels, then to places: [N, inputs, H, W] to [N, outputs, H, W].

    Woo et al. attend before the sum of the block. Here it is after it, as in the network of the system
    that this one replaces, so that its weights keep their meaning.
    """

    def __init__(self, inputs: int, outputs: int, norm: str):
        super().__init__(Residual(inputs, outputs, norm), ChannelAttention(outputs), SpatialAttention())


class ChannelAttention(nn.Module):
    """Scales each channel of [N, C, H, W] by 0..1, by its mean and its maximum over the image."""

    def __init__(self, channels: int, reduction: int = 16, narrowest: int = 8):
        super().__init__()
        hidden = max(channels // reduction, narrowest)
        self.weigh = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1, bias=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.mean(dim=(2, 3), keepdim=True)
        largest = x.amax(dim=(2, 3), keepdim=True)
        return x * torch.sigmoid(self.weigh(mean) + self.weigh(largest))


class SpatialAttention(nn.Module):
    """Scales each place of [N, C, H, W] by 0..1, by the means and the maxima over the channels around it."""

    def __init__(self, kernel: int = 7):
        super().__init__()
        self.weigh = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.weigh(seen))


class Gate(nn.Module):
    """Lets through of a skip [N, channels, H, W] what the coarser levels, upsampled to the same shape, ask for."""

    def __init__(self, channels: int, norm: str):
        super().__init__()
        self.offered = convolution(channels, channels // 2, norm, kernel=1)
        self.wanted = convolution(channels, channels // 2, norm, kernel=1)
        self.weigh = convolution(channels // 2, 1, norm, kernel=1)

    def forward(self, skip: torch.Tensor, coarse: torch.Tensor) -> torch.Tensor:
        return skip * torch.sigmoid(self.weigh(F.relu(self.offered(skip) + self.wanted(coarse))))
