"""CBAM-ResUNet: what its attention does to what passes through."""

import unittest

import torch

from ..architectures import build
from ..architectures.cbam_resunet import Block, ChannelAttention, Gate, SpatialAttention


def scale(attention: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What attention multiplied x by."""
    with torch.no_grad():
        return attention(x) / x


class TestAttention(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.x = torch.rand(2, 16, 12, 20) + 0.5

    def test_channels_are_scaled_as_wholes(self):
        found = scale(ChannelAttention(16), self.x)
        spread = found.amax(dim=(2, 3)) - found.amin(dim=(2, 3))
        self.assertLess(spread.max().item(), 1e-5)
        self.assertGreater(found.std(dim=1).max().item(), 1e-3, "channels must differ")
        self.assert_between_0_and_1(found)

    def test_places_are_scaled_through_all_channels(self):
        found = scale(SpatialAttention(), self.x)
        spread = found.amax(dim=1) - found.amin(dim=1)
        self.assertLess(spread.max().item(), 1e-5)
        self.assertGreater(found.std(dim=(2, 3)).max().item(), 1e-3, "places must differ")
        self.assert_between_0_and_1(found)

    def test_attends_to_channels_before_places(self):
        self.assertEqual([type(part).__name__ for part in Block(4, 8, "batch")],
                         ["Residual", "ChannelAttention", "SpatialAttention"])

    def test_gate_follows_the_coarser_level(self):
        gate = Gate(16, "batch").eval()
        with torch.no_grad():
            one, other = (gate(self.x, torch.randn_like(self.x)) / self.x for _ in range(2))
        self.assertGreater((one - other).abs().max().item(), 1e-3)
        self.assertLess((one.amax(dim=1) - one.amin(dim=1)).max().item(), 1e-5, "all channels of a place alike")
        self.assert_between_0_and_1(one)

    def test_a_closed_gate_lets_nothing_through(self):
        gate = Gate(16, "batch").eval()
        torch.nn.init.constant_(gate.weigh[1].bias, -100)
        with torch.no_grad():
            self.assertLess(gate(self.x, self.x).abs().max().item(), 1e-6)

    def assert_between_0_and_1(self, found: torch.Tensor):
        self.assertGreater(found.min().item(), 0)
        self.assertLess(found.max().item(), 1)


class TestCBAMResUNet(unittest.TestCase):
    def test_one_gate_a_skip(self):
        network = build("cbam_resunet", width=4, levels=4, widest=4)
        self.assertEqual([gate.offered[0].in_channels for gate in network.gates], [4, 8, 16])

    def test_refuses_another_stem(self):
        with self.assertRaisesRegex(ValueError, "stem must be 1 or 2, not 4"):
            build("cbam_resunet", stem=4)


if __name__ == "__main__":
    unittest.main()
