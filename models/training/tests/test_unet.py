"""The network: shapes, gradients, size."""

import unittest

import torch

from ..architectures import build


class TestUNet(unittest.TestCase):
    def test_gives_one_logit_a_pixel(self):
        for options in ({}, {"stem": 1, "width": 4}, {"norm": "instance", "width": 4}, {"levels": 3}, {"channels": 1},
                        {"up": "transposed", "width": 4}):
            with self.subTest(options=options):
                network = build("unet", **options).eval()
                image = torch.zeros(2, options.get("channels", 2), 2 * network.multiple, 3 * network.multiple)
                self.assertEqual(network(image).shape, (2, 1, 2 * network.multiple, 3 * network.multiple))

    def test_every_weight_learns(self):
        torch.manual_seed(0)
        network = build("unet", width=4)
        network(torch.randn(2, 2, 64, 64)).square().mean().backward()
        for name, weight in network.named_parameters():
            self.assertTrue(torch.isfinite(weight.grad).all(), name)
            self.assertGreater(weight.grad.abs().max().item(), 0, name)

    def test_sizes(self):
        def millions(**options):
            return sum(weight.numel() for weight in build("unet", **options).parameters()) / 1e6

        self.assertLess(millions(), 1.5)
        self.assertAlmostEqual(millions(width=64, widest=16, stem=1, up="transposed"), 31.0, delta=0.1)

    def test_refuses_another_stem(self):
        with self.assertRaisesRegex(ValueError, "stem must be 1 or 2"):
            build("unet", stem=4)


if __name__ == "__main__":
    unittest.main()
