"""What every architecture promises: shapes, gradients and its published size."""

import unittest
from unittest import mock

import torch
from torch import nn

from ..architectures import ARCHITECTURES, FULL, build

# Of the originals, in millions of parameters. "lite" has one size, and tests of its own.
SIZES = {"cbam_resunet": 52, "hrnet": 66, "unet": 31}


def small(name: str, **options) -> nn.Module:
    """An untrained network that takes no time, the same in every run."""
    torch.manual_seed(0)
    return build(name, **{"width": 6, **options})


class TestArchitectures(unittest.TestCase):
    def test_gives_one_logit_a_pixel(self):
        for name in SIZES:
            for options in ({}, {"width": 7}, {"norm": "instance"}, {"channels": 1}, {"channels": 3}):
                with self.subTest(name=name, options=options):
                    network = small(name, **options).eval()
                    height, width = network.multiple, 3 * network.multiple
                    image = torch.zeros(2, options.get("channels", 2), height, width)
                    with torch.no_grad():
                        self.assertEqual(network(image).shape, (2, 1, height, width))

    def test_multiple_is_what_it_needs(self):
        for name in SIZES:
            network = small(name).eval()
            side = network.multiple + network.multiple // 2
            with self.subTest(name=name), torch.no_grad(), self.assertRaises(RuntimeError):
                network(torch.zeros(1, 2, side, side))

    def test_every_weight_learns(self):
        for name in SIZES:
            for norm in ("batch", "instance"):
                network = small(name, norm=norm)
                side = 4 * network.multiple
                network(torch.randn(2, 2, side, side)).square().mean().backward()
                for weight_name, weight in network.named_parameters():
                    with self.subTest(name=name, norm=norm, weight=weight_name):
                        self.assertTrue(torch.isfinite(weight.grad).all())
                        self.assertGreater(weight.grad.abs().max().item(), 0)

    # Drawing tens of millions of weights takes seconds and their memory; undrawn ones are only counted.
    @mock.patch("torch.nn.modules.conv._ConvNd.reset_parameters")
    def test_full_sizes(self, _):
        for name, millions in SIZES.items():
            for norm in ("batch", "instance"):
                with self.subTest(name=name, norm=norm):
                    found = sum(weight.numel() for weight in build(name, norm=norm, **FULL[name]).parameters()) / 1e6
                    self.assertAlmostEqual(found, millions, delta=0.02 * millions)

    @mock.patch("torch.nn.modules.conv._ConvNd.reset_parameters")
    def test_compact_files_fit(self, _):
        for name in ARCHITECTURES:
            with self.subTest(name=name):
                weights = sum(weight.numel() for weight in build(name).parameters())
                self.assertLess(4 * weights, 13e6, "bytes: a file may have 15 MB, graph and spec included")


if __name__ == "__main__":
    unittest.main()
