"""Small networks with the layers, the order and the names of the checkpoints that can be imported.

They compute by themselves what the imported network has to compute. All but the names is written for these tests.
"""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn


def norm_of(kind: str, channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.InstanceNorm2d(channels, affine=kind == "instance")


def unit(kind: str, inputs: int, outputs: int, size: int = 3, stride: int = 1, bias: bool = False, relu: bool = True):
    layers = [nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=bias), norm_of(kind, outputs)]
    return nn.Sequential(*layers, *[nn.ReLU()] * relu)


class DoubleConv(nn.Module):
    """Two convolutions; with a place for dropout between them, as in the replaced system, or without."""

    def __init__(self, kind, inputs, outputs, dropout=True, bias=False):
        super().__init__()
        self.double_conv = nn.Sequential(
            *unit(kind, inputs, outputs, bias=bias), *[nn.Identity()] * dropout,
            *unit(kind, outputs, outputs, bias=bias))

    def forward(self, x):
        return self.double_conv(x)


class ReplacedUNet(nn.Module):
    """The U-Net of the replaced system, with the encoder's last block, which it has and never runs."""

    def __init__(self, kind="instance", widths=(4, 8, 16), channels=3):
        super().__init__()
        pairs = list(zip(widths, widths[1:]))
        self.init_conv = DoubleConv(kind, channels, widths[0])
        self.downs = nn.ModuleList(DoubleConv(kind, *pair) for pair in pairs)
        self.bottleneck = DoubleConv(kind, *pairs[-1])
        self.ups = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 2, 2) for fine, coarse in reversed(pairs))
        self.decoder_blocks = nn.ModuleList(DoubleConv(kind, coarse, fine) for fine, coarse in reversed(pairs))
        self.final_conv = nn.Conv2d(widths[0], 1, 1)

    def forward(self, x):
        skips = [self.init_conv(x)]
        for block in self.downs[:-1]:
            skips.append(block(F.max_pool2d(skips[-1], 2)))
        x = self.bottleneck(F.max_pool2d(skips[-1], 2))
        for up, block in zip(self.ups, self.decoder_blocks):
            x = block(torch.cat([skips.pop(), up(x)], 1))
        return self.final_conv(x)


class Down(nn.Module):
    def __init__(self, kind, inputs, outputs, bias):
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(kind, inputs, outputs, False, bias))

    def forward(self, x):
        return self.maxpool_conv(x)


class Up(nn.Module):
    def __init__(self, kind, coarse, fine, bias):
        super().__init__()
        self.up = nn.ConvTranspose2d(coarse, fine, 2, 2)
        self.conv = DoubleConv(kind, coarse, fine, False, bias)

    def forward(self, x, skip):
        return self.conv(torch.cat([skip, self.up(x)], 1))


class OutConv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        return self.conv(x)


class UsualUNet(nn.Module):
    """The U-Net of inc, down1..4, up1..4 and outc."""

    def __init__(self, kind="batch", width=4, channels=1, bias=False):
        super().__init__()
        widths = [width * 2 ** level for level in range(5)]
        self.inc = DoubleConv(kind, channels, width, False, bias)
        for level in range(4):
            setattr(self, f"down{level + 1}", Down(kind, widths[level], widths[level + 1], bias))
            setattr(self, f"up{level + 1}", Up(kind, widths[4 - level], widths[3 - level], bias))
        self.outc = OutConv(width, 1)

    def forward(self, x):
        maps = [self.inc(x)]
        for number in range(1, 5):
            maps.append(getattr(self, f"down{number}")(maps[-1]))
        x = maps.pop()
        for number in range(1, 5):
            x = getattr(self, f"up{number}")(x, maps.pop())
        return self.outc(x)


def named_double(name, kind, inputs, outputs):
    first, second = unit(kind, inputs, outputs), unit(kind, outputs, outputs)
    return nn.Sequential(OrderedDict((f"{name}{part}{number}", layer) for number, layers in ((1, first), (2, second))
                                     for part, layer in zip(("conv", "norm", "relu"), layers)))


class EncoderUNet(nn.Module):
    """The U-Net of encoder1, bottleneck, upconv1, decoder1 and conv, which merges what comes up before the skip."""

    def __init__(self, kind="batch", width=4, levels=3):
        super().__init__()
        widths = [width * 2 ** level for level in range(levels + 1)]
        self.levels = levels
        for level in range(levels):
            fine, coarse = widths[level], widths[level + 1]
            setattr(self, f"encoder{level + 1}",
                    named_double(f"enc{level + 1}", kind, widths[level - 1] if level else 3, fine))
            setattr(self, f"upconv{level + 1}", nn.ConvTranspose2d(coarse, fine, 2, 2))
            setattr(self, f"decoder{level + 1}", named_double(f"dec{level + 1}", kind, coarse, fine))
        self.bottleneck = named_double("bottleneck", kind, widths[-2], widths[-1])
        self.conv = nn.Conv2d(width, 1, 1)

    def forward(self, x):
        skips = []
        for number in range(1, self.levels + 1):
            skips.append(getattr(self, f"encoder{number}")(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.bottleneck(x)
        for number in range(self.levels, 0, -1):
            x = getattr(self, f"decoder{number}")(torch.cat([getattr(self, f"upconv{number}")(x), skips.pop()], 1))
        return self.conv(x)


class ChannelAttention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        hidden = max(channels // 16, 8)
        self.shared_mlp = nn.Sequential(nn.Linear(channels, hidden, False), nn.ReLU(),
                                        nn.Linear(hidden, channels, False))

    def forward(self, x):
        seen = self.shared_mlp(x.flatten(2).mean(2)) + self.shared_mlp(x.flatten(2).max(2).values)
        return x * seen.sigmoid()[:, :, None, None]


class SpatialAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x):
        return x * self.conv(torch.stack([x.mean(1), x.max(1).values], 1)).sigmoid()


class CBAM(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.channel_attention, self.spatial_attention = ChannelAttention(channels), SpatialAttention()

    def forward(self, x):
        return self.spatial_attention(self.channel_attention(x))


class AttentiveBlock(nn.Module):
    def __init__(self, kind, inputs, outputs):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), norm_of(kind, outputs)
        self.conv2, self.norm2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), norm_of(kind, outputs)
        self.adjust_channels = unit(kind, inputs, outputs, 1, relu=False) if inputs != outputs else None
        self.cbam = CBAM(outputs)

    def forward(self, x):
        around = x if self.adjust_channels is None else self.adjust_channels(x)
        x = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu()))
        return self.cbam((x + around).relu())


class AttentionGate(nn.Module):
    def __init__(self, kind, channels):
        super().__init__()
        self.W_g, self.W_x = (unit(kind, channels, channels // 2, 1, bias=True, relu=False) for _ in range(2))
        self.psi = unit(kind, channels // 2, 1, 1, bias=True, relu=False)

    def forward(self, coarse, skip):
        return skip * self.psi((self.W_g(coarse) + self.W_x(skip)).relu()).sigmoid()


class ReplacedCBAMResUNet(nn.Module):
    def __init__(self, kind="instance", widths=(4, 8, 16), channels=3):
        super().__init__()
        inputs = (widths[0], *widths[:-1])
        self.init_conv = nn.Sequential(*unit(kind, channels, widths[0]), nn.Identity())
        self.downs = nn.ModuleList(AttentiveBlock(kind, *pair) for pair in zip(inputs, widths))
        self.bottleneck = nn.Sequential(AttentiveBlock(kind, widths[-1], 2 * widths[-1]),
                                        AttentiveBlock(kind, 2 * widths[-1], 2 * widths[-1]))
        self.ups, self.attentions = nn.ModuleList(), nn.ModuleList()
        for fine in reversed(widths):
            self.ups.append(nn.ConvTranspose2d(2 * fine, fine, 2, 2))
            self.ups.append(AttentiveBlock(kind, 2 * fine, fine))
            self.attentions.append(AttentionGate(kind, fine))
        self.final_conv = nn.Sequential(*unit(kind, widths[0], widths[0] // 2), nn.Identity(),
                                        nn.Conv2d(widths[0] // 2, 1, 1))

    def forward(self, x):
        x, skips = self.init_conv(x), []
        for block in self.downs:
            skips.append(block(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.bottleneck(x)
        for number, gate in enumerate(self.attentions):
            x = self.ups[2 * number](x)
            x = self.ups[2 * number + 1](torch.cat([gate(x, skips.pop()), x], 1))
        return self.final_conv(x)


class BasicBlock(nn.Module):
    def __init__(self, kind, width):
        super().__init__()
        self.conv1, self.bn1 = unit(kind, width, width, relu=False)
        self.conv2, self.bn2 = unit(kind, width, width, relu=False)

    def forward(self, x):
        return (self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())) + x).relu()


class Bottleneck(nn.Module):
    def __init__(self, kind, inputs, narrow):
        super().__init__()
        self.conv1, self.bn1 = unit(kind, inputs, narrow, 1, relu=False)
        self.conv2, self.bn2 = unit(kind, narrow, narrow, relu=False)
        self.conv3, self.bn3 = unit(kind, narrow, 4 * narrow, 1, relu=False)
        self.downsample = unit(kind, inputs, 4 * narrow, 1, relu=False) if inputs != 4 * narrow else None

    def forward(self, x):
        around = x if self.downsample is None else self.downsample(x)
        for conv, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2)):
            x = norm(conv(x)).relu()
        return (self.bn3(self.conv3(x)) + around).relu()


def enlarge(x, like):
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=True)


class HighResolutionModule(nn.Module):
    def __init__(self, kind, widths, blocks):
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(BasicBlock(kind, width) for _ in range(blocks)))
                                      for width in widths)
        self.fuse_layers = nn.ModuleList(nn.ModuleList(self.route(kind, widths, i, j) for j in range(len(widths)))
                                         for i in range(len(widths)))

    @staticmethod
    def route(kind, widths, i, j):
        if j == i:
            return None
        if j > i:
            return unit(kind, widths[j], widths[i], 1, relu=False)
        return nn.Sequential(*(unit(kind, widths[j], widths[j], stride=2) for _ in range(i - j - 1)),
                             unit(kind, widths[j], widths[i], stride=2, relu=False))

    def forward(self, maps):
        maps = [branch(x) for branch, x in zip(self.branches, maps)]
        out = []
        for i, ways in enumerate(self.fuse_layers):
            heard = [x if way is None else enlarge(way(x), maps[i]) if j > i else way(x)
                     for j, (way, x) in enumerate(zip(ways, maps))]
            out.append(sum(heard).relu())
        return out


class ReplacedHRNet(nn.Module):
    def __init__(self, kind="instance", width=6, narrow=8, modules=(1, 2, 1), blocks=2, channels=3):
        super().__init__()
        widths = [width * 2 ** branch for branch in range(4)]
        self.conv1, self.bn1 = unit(kind, channels, narrow, stride=2, relu=False)
        self.conv2, self.bn2 = unit(kind, narrow, narrow, stride=2, relu=False)
        self.layer1 = nn.Sequential(*(Bottleneck(kind, 4 * narrow if number else narrow, narrow)
                                      for number in range(blocks)))
        self.transition1 = nn.ModuleList([unit(kind, 4 * narrow, width),
                                          nn.Sequential(unit(kind, 4 * narrow, widths[1], stride=2))])
        self.transition2 = nn.ModuleList([None, None, nn.Sequential(unit(kind, widths[1], widths[2], stride=2))])
        self.transition3 = nn.ModuleList([None, None, None, nn.Sequential(unit(kind, widths[2], widths[3], stride=2))])
        for stage, count in zip((2, 3, 4), modules):
            setattr(self, f"stage{stage}", nn.Sequential(*(HighResolutionModule(kind, widths[:stage], blocks)
                                                           for _ in range(count))))
        self.last_layer = nn.Sequential(*unit(kind, sum(widths), sum(widths), 1, bias=True),
                                        nn.Conv2d(sum(widths), 1, 1))

    def forward(self, x):
        x = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())).relu()
        x = self.layer1(x)
        maps = self.stage2([self.transition1[0](x), self.transition1[1](x)])
        maps = self.stage3([*maps, self.transition2[2](maps[-1])])
        maps = self.stage4([*maps, self.transition3[3](maps[-1])])
        x = self.last_layer(torch.cat([maps[0], *(enlarge(coarse, maps[0]) for coarse in maps[1:])], 1))
        return F.interpolate(x, scale_factor=4.0, mode="bilinear", align_corners=True)


def lively(network: nn.Module, channels: int) -> nn.Module:
    """The network with weights that tell it from every other, always the same: no normalisation is the one that it was born with.

    Weights drawn anew in each run would now and then let nothing but a constant through, of which a comparison says nothing.
    """
    torch.manual_seed(1)
    with torch.no_grad():
        for module in network.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        for name, weight in network.named_parameters():
            if weight.dim() == 1:
                weight.copy_(torch.randn(weight.shape) * 0.3 + (1.0 if name.endswith("weight") else 0.0))
        network.train()
        for _ in range(30):
            network(torch.randn(2, channels, 64, 64) * 2 + 1)
    return network.eval()
