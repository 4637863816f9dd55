"""Network architectures by name. Each maps the prepared picture, float [N, channels, H, W], to logits [N, outputs, H, W]."""

from torch import nn

from .cbam_resunet import CBAMResUNet
from .hrnet import HRNet
from .unet import UNet

ARCHITECTURES = {"cbam_resunet": CBAMResUNet, "hrnet": HRNet, "unet": UNet}


def build(name: str, **options) -> nn.Module:
    """The network `name`, untrained; `options` go to its constructor."""
    return ARCHITECTURES[name](**options)
