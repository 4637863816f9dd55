"""U-Net after Ronneberger et al. 2015 (MICCAI), with a stem that can halve the working resolution."""

import torch
import torch.nn.functional as F
from torch import nn


NORMS = {
    "batch": nn.BatchNorm2d,  # folds into the convolutions on export: free when the model runs
    "instance": lambda channels: nn.InstanceNorm2d(channels, affine=True),
}


class UNet(nn.Module):
    """Logits [N, outputs, H, W] of prepared float [N, channels, H, W].

    width: channels of the first level; each level has twice as many, up to `widest` times `width`.
    stem: 1 works at full resolution. 2 reads the input with a 6x6 convolution of stride 2, works at
        half resolution and doubles the logits bilinearly: a quarter of the time, and an outline that
        is still smooth to less than a pixel.

    up: "nearest" narrows with a 1x1 convolution and repeats pixels; "transposed" is the transposed convolution of
        the textbook, with four times the weights.

    H and W must be multiples of `multiple`.
    """

    def __init__(self, width: int = 16, levels: int = 5, widest: int = 8, stem: int = 2,
                 channels: int = 2, outputs: int = 1, norm: str = "batch", up: str = "nearest"):
        super().__init__()
        if stem not in (1, 2):
            raise ValueError(f"stem must be 1 or 2, not {stem}")
        self.stem = stem
        self.multiple = stem * 2 ** (levels - 1)
        widths = [width * min(2 ** level, widest) for level in range(levels)]
        pairs = list(zip(widths, widths[1:]))
        self.first = convolutions(channels, widths[0], norm, kernel=6 if stem == 2 else 3, stride=stem)
        self.down = nn.ModuleList(convolutions(fine, coarse, norm) for fine, coarse in pairs)
        self.up = nn.ModuleList(UPSAMPLINGS[up](coarse, fine) for fine, coarse in pairs)
        self.merge = nn.ModuleList(convolutions(2 * fine, fine, norm) for fine, _ in pairs)
        self.head = nn.Conv2d(widths[0], outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = [self.first(x)]
        for down in self.down:
            skips.append(down(F.max_pool2d(skips[-1], 2)))
        x = skips.pop()
        for up, merge in zip(reversed(self.up), reversed(self.merge)):
            x = merge(torch.cat([up(x), skips.pop()], dim=1))
        logits = self.head(x)
        if self.stem == 1:
            return logits
        return F.interpolate(logits, scale_factor=float(self.stem), mode="bilinear", align_corners=False)


def convolutions(inputs: int, outputs: int, norm: str, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Two 3x3 convolutions, normalised and rectified; the first may have another kernel and stride."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=(kernel - 1) // 2, bias=False),
        NORMS[norm](outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        NORMS[norm](outputs),
        nn.ReLU(inplace=True),
    )


class Nearest(nn.Conv2d):
    """A 1x1 convolution of float [N, coarse, H, W] to [N, fine, 2 H, 2 W], each pixel repeated."""

    def __init__(self, coarse: int, fine: int):
        super().__init__(coarse, fine, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # It commutes with nearest-neighbour upsampling: before it, it costs a quarter.
        return F.interpolate(super().forward(x), scale_factor=2.0)


class Transposed(nn.ConvTranspose2d):
    """A transposed convolution of float [N, coarse, H, W] to [N, fine, 2 H, 2 W]."""

    def __init__(self, coarse: int, fine: int):
        super().__init__(coarse, fine, 2, stride=2)


UPSAMPLINGS = {"nearest": Nearest, "transposed": Transposed}
