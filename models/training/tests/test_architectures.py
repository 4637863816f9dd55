"""What every architecture promises: shapes, gradients, its published size, and a graph that computes the same."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import onnx
import torch
from torch import nn

from .. import export
from ..architectures import ARCHITECTURES, build
from ..architectures.preparation import CHANNELS, prepare
from ..evaluate import session

# The sizes of the originals: options, and millions of parameters.
FULL = {
    "cbam_resunet": ({"width": 64, "widest": 16, "stem": 1}, 52),
    "hrnet": ({"width": 48, "modules": (1, 4, 3), "blocks": 4}, 66),
    "unet": ({"width": 64, "widest": 16, "stem": 1}, 29),
}


def small(name: str, **options) -> nn.Module:
    """An untrained network that takes no time, the same in every run."""
    torch.manual_seed(0)
    return build(name, **{"width": 6, **options})


def lively(network: nn.Module) -> nn.Module:
    """The network with running statistics that it was not born with, and probabilities far from one another."""
    side = 2 * network.multiple
    network.train()
    with torch.no_grad():
        for _ in range(20):
            network(torch.randn(4, CHANNELS, side, side) * 2 + 1)
        network.eval()
        logits = network(torch.randn(4, CHANNELS, side, side))
        # A few logits wide and around 0: no probability is saturated, so rounding hides nothing.
        network.head.weight *= 2 / logits.std()
        network.head.bias -= network(torch.randn(4, CHANNELS, side, side)).mean()
    return network


class TestArchitectures(unittest.TestCase):
    def test_gives_one_logit_a_pixel(self):
        for name in ARCHITECTURES:
            for options in ({}, {"width": 7}, {"norm": "instance"}, {"channels": 1}, {"channels": 3}):
                with self.subTest(name=name, options=options):
                    network = small(name, **options).eval()
                    height, width = network.multiple, 3 * network.multiple
                    image = torch.zeros(2, options.get("channels", CHANNELS), height, width)
                    with torch.no_grad():
                        self.assertEqual(network(image).shape, (2, 1, height, width))

    def test_multiple_is_what_it_needs(self):
        for name in ARCHITECTURES:
            network = small(name).eval()
            side = network.multiple + network.multiple // 2
            with self.subTest(name=name), torch.no_grad(), self.assertRaises(RuntimeError):
                network(torch.zeros(1, CHANNELS, side, side))

    def test_every_weight_learns(self):
        for name in ARCHITECTURES:
            for norm in ("batch", "instance"):
                network = small(name, norm=norm)
                side = 4 * network.multiple
                network(torch.randn(2, CHANNELS, side, side)).square().mean().backward()
                for weight_name, weight in network.named_parameters():
                    with self.subTest(name=name, norm=norm, weight=weight_name):
                        self.assertTrue(torch.isfinite(weight.grad).all())
                        self.assertGreater(weight.grad.abs().max().item(), 0)

    # Drawing tens of millions of weights takes seconds and their memory; undrawn ones are only counted.
    @mock.patch("torch.nn.modules.conv._ConvNd.reset_parameters")
    def test_full_sizes(self, _):
        for name, (options, millions) in FULL.items():
            for norm in ("batch", "instance"):
                with self.subTest(name=name, norm=norm):
                    found = sum(weight.numel() for weight in build(name, norm=norm, **options).parameters()) / 1e6
                    self.assertAlmostEqual(found, millions, delta=0.05 * millions)

    @mock.patch("torch.nn.modules.conv._ConvNd.reset_parameters")
    def test_compact_files_fit(self, _):
        for name in ARCHITECTURES:
            with self.subTest(name=name):
                weights = sum(weight.numel() for weight in build(name).parameters())
                self.assertLess(4 * weights, 13e6, "bytes: a file may have 15 MB, graph and spec included")


class TestExportedArchitectures(unittest.TestCase):
    """The compact networks at their own widths, as `export.py` writes them."""

    SIDE = 64

    def test_equals_pytorch(self):
        image = np.random.default_rng(0).integers(0, 256, (3, self.SIDE, self.SIDE, 1), dtype=np.uint8)
        image[0] //= 8  # a dim one
        folder = self.enterContext(tempfile.TemporaryDirectory())
        for name in ARCHITECTURES:
            for norm in ("batch", "instance"):
                with self.subTest(name=name, norm=norm):
                    torch.manual_seed(0)
                    network = lively(build(name, norm=norm))
                    path = Path(folder) / f"{name}_{norm}.onnx"
                    export.write_graph(network, self.SIDE, path)
                    graph = onnx.load(str(path))
                    self.assertEqual(graph.opset_import[0].version, export.OPSET)
                    # Batch normalisation goes into the convolutions: it costs nothing when the model runs.
                    self.assertNotIn("BatchNormalization", {node.op_type for node in graph.graph.node})
                    (found,) = session(path).run(None, {"image": image})
                    with torch.no_grad():
                        grey = torch.from_numpy(image).permute(0, 3, 1, 2).float()
                        wanted = torch.sigmoid(network(prepare(grey))).permute(0, 2, 3, 1).numpy()
                    self.assertGreater(wanted.max() - wanted.min(), 0.5, "the test needs probabilities that differ")
                    # Half a grey level is lost to rounding; the rest must agree to 1e-3.
                    self.assertLess(np.abs(found / 255.0 - wanted).max(), 0.5 / 255 + 1e-3)


if __name__ == "__main__":
    unittest.main()
