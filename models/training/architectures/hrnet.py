"""HRNetV2 after Wang et al. 2020, "Deep high-resolution representation learning for visual recognition" (IEEE TPAMI).

A U-Net goes down to coarse maps and comes back. HRNet never leaves the fine one: it adds coarser
branches beside it, one after another, and all of them exchange what they found after every module.
"""

from functools import reduce

import torch
import torch.nn.functional as F
from torch import nn

from .residual import Residual, convolution, rectified, shortcut

BRANCHES = 4
# Pixels of the input between two of the finest branch, as published. It bounds how exact an outline can be: the
# true masks of the validation sets, averaged over 4 x 4 of 512 x 512 pixels and enlarged again, keep an IoU of
# 0.99 (spheroids), 0.96 (nuclei) and 0.95 (CHO cells).
STRIDE = 4


class HRNet(nn.Module):
    """Logits [N, outputs, H, W] of prepared float [N, channels, H, W].

    width: channels of the finest branch; each of the three coarser ones has twice as many as the one before.
    modules: how many modules the stages with two, three and four branches have.
    blocks: residual blocks of each branch in a module, and bottlenecks before the first module.

    align_corners: whether enlarging maps corner pixels to corner pixels, as its authors do, or the corners of
        corner pixels to one another, which keeps outlines where they are.

    H and W must be multiples of `multiple`. The default has the depth of its authors' HRNet-W18-Small-v2.
    """

    def __init__(self, width: int = 16, modules: tuple[int, int, int] = (1, 3, 2), blocks: int = 2,
                 channels: int = 2, outputs: int = 1, norm: str = "batch",
                 align_corners: bool = False):
        super().__init__()
        self.align_corners = align_corners
        self.multiple = STRIDE * 2 ** (BRANCHES - 1)
        widths = [width * 2 ** branch for branch in range(BRANCHES)]
        narrow = width * 4 // 3  # 64 of 48, as published
        wide = narrow * Bottleneck.EXPANSION
        self.first = nn.Sequential(
            rectified(channels, narrow, norm, stride=2),
            rectified(narrow, narrow, norm, stride=2),
            Bottleneck(narrow, narrow, norm),
            *(Bottleneck(wide, narrow, norm) for _ in range(blocks - 1)),
        )
        self.finest = rectified(wide, widths[0], norm)
        self.coarser = nn.ModuleList(rectified(above, below, norm, stride=2)
                                     for above, below in zip([wide, *widths[1:]], widths[1:]))
        self.stages = nn.ModuleList(nn.Sequential(*(Module(widths[:branches], blocks, norm, align_corners)
                                                    for _ in range(count)))
                                    for branches, count in enumerate(modules, start=2))
        self.mix = rectified(sum(widths), sum(widths), norm, kernel=1)
        self.head = nn.Conv2d(sum(widths), outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        coarsest = self.first(x)
        branches = [self.finest(coarsest)]
        for coarser, stage in zip(self.coarser, self.stages):
            branches = stage([*branches, coarser(coarsest)])
            coarsest = branches[-1]
        # What the V2 stands for: the head sees all resolutions, not the finest alone.
        fine = torch.cat([enlarge(x, 2 ** branch, self.align_corners) for branch, x in enumerate(branches)], dim=1)
        return enlarge(self.head(self.mix(fine)), STRIDE, self.align_corners)


class Module(nn.Module):
    """Residual blocks in each branch by itself, then the exchange: every branch gets the sum of all.

    Takes and gives one map a branch, float [N, widths[i], H / 2^i, W / 2^i].
    """

    def __init__(self, widths: list[int], blocks: int, norm: str, align_corners: bool = False):
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(Residual(width, width, norm) for _ in range(blocks)))
                                      for width in widths)
        self.routes = nn.ModuleList(nn.ModuleList(route(widths, source, target, norm, align_corners)
                                                  for source in range(len(widths)))
                                    for target in range(len(widths)))

    def forward(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        maps = [branch(x) for branch, x in zip(self.branches, maps)]
        return [F.relu(reduce(torch.add, [way(x) for way, x in zip(ways, maps)])) for ways in self.routes]


class Bottleneck(nn.Module):
    """Float [N, inputs, H, W] to [N, EXPANSION * narrow, H, W]: a residual block whose 3x3 convolution is narrow."""

    EXPANSION = 4

    def __init__(self, inputs: int, narrow: int, norm: str):
        super().__init__()
        outputs = self.EXPANSION * narrow
        self.body = nn.Sequential(
            rectified(inputs, narrow, norm, kernel=1),
            rectified(narrow, narrow, norm),
            convolution(narrow, outputs, norm, kernel=1),
        )
        self.shortcut = shortcut(inputs, outputs, norm)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


def route(widths: list[int], source: int, target: int, norm: str, align_corners: bool = False) -> nn.Module:
    """What takes the map of one branch to the width and the resolution of another."""
    if source == target:
        return nn.Identity()
    if source > target:
        # The 1x1 convolution commutes with the enlargement: before it, it costs a quarter or less.
        return nn.Sequential(
            convolution(widths[source], widths[target], norm, kernel=1),
            nn.Upsample(scale_factor=2.0 ** (source - target), mode="bilinear", align_corners=align_corners),
        )
    halvings = [rectified(widths[source], widths[source], norm, stride=2) for _ in range(target - source - 1)]
    return nn.Sequential(*halvings, convolution(widths[source], widths[target], norm, stride=2))


def enlarge(x: torch.Tensor, factor: int, align_corners: bool) -> torch.Tensor:
    """The map at `factor` times its resolution, bilinearly."""
    if factor == 1:
        return x
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=align_corners)
