"""Network architectures by name. Each maps the prepared picture, float [N, channels, H, W], to logits [N, outputs, H, W]."""

from torch import nn

from .cbam_resunet import CBAMResUNet
from .hrnet import HRNet
from .lite import Lite
from .unet import UNet

ARCHITECTURES = {"cbam_resunet": CBAMResUNet, "hrnet": HRNet, "lite": Lite, "unet": UNet}

# The options that make each as large as it was published, or as the system that this one replaces had it: 52, 66 and
# 31 million parameters. The compact ones that are trained here are in `recipes.py`.
FULL = {
    "cbam_resunet": {"width": 64, "levels": 5, "widest": 16, "stem": 1},
    "hrnet": {"width": 48, "modules": (1, 4, 3), "blocks": 4},
    "lite": {},
    "unet": {"width": 64, "levels": 5, "widest": 16, "stem": 1, "up": "transposed"},
}


def build(name: str, **options) -> nn.Module:
    """The network `name`, untrained; `options` go to its constructor."""
    return ARCHITECTURES[name](**options)
