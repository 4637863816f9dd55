"""HRNet: its branches stay parallel and tell one another what they found."""

import unittest

import torch

from ..architectures import build
from ..architectures.hrnet import Module, enlarge, route


WIDTHS = [3, 6, 12, 24]


def maps(side: int = 16) -> list[torch.Tensor]:
    """One map a branch, finest first."""
    return [torch.randn(1, width, side >> branch, side >> branch) for branch, width in enumerate(WIDTHS)]


class TestHRNet(unittest.TestCase):
    def test_keeps_four_resolutions_to_the_head(self):
        network = build("hrnet", width=6).eval()
        seen = []
        network.stages[-1][-1].register_forward_hook(lambda _module, _inputs, outputs: seen.extend(outputs))
        with torch.no_grad():
            network(torch.zeros(1, 2, 128, 64))
        self.assertEqual([tuple(x.shape[1:]) for x in seen], [(6, 32, 16), (12, 16, 8), (24, 8, 4), (48, 4, 2)])
        self.assertEqual(network.head.in_channels, 6 + 12 + 24 + 48)

    def test_every_branch_hears_every_other(self):
        torch.manual_seed(0)
        module = Module(WIDTHS, blocks=1, norm="batch").eval()
        given = maps()
        with torch.no_grad():
            before = module(given)
            for source in range(len(WIDTHS)):
                changed = [x + 1 if branch == source else x for branch, x in enumerate(given)]
                for target, (old, new) in enumerate(zip(before, module(changed))):
                    with self.subTest(source=source, target=target):
                        self.assertGreater((new - old).abs().max().item(), 0)

    def test_routes_fit(self):
        given = maps()
        for source in range(len(WIDTHS)):
            for target in range(len(WIDTHS)):
                with self.subTest(source=source, target=target), torch.no_grad():
                    found = route(WIDTHS, source, target, "batch")(given[source])
                    self.assertEqual(found.shape, given[target].shape)

    def test_aligned_corners_keep_their_values(self):
        x = torch.arange(6.0).reshape(1, 1, 2, 3)
        self.assertEqual(enlarge(x, 4, True)[0, 0, ::7, ::11].tolist(), [[0, 2], [3, 5]])
        # Else the middle of a pixel is that of its four by four.
        self.assertAlmostEqual(enlarge(x, 4, False)[0, 0, 0, 5:7].mean().item(), 1)

    def test_has_the_modules_and_blocks_that_it_is_told(self):
        network = build("hrnet", width=6, modules=(2, 1, 3), blocks=3)
        self.assertEqual([len(stage) for stage in network.stages], [2, 1, 3])
        self.assertEqual([len(stage[0].branches) for stage in network.stages], [2, 3, 4])
        self.assertEqual({len(branch) for branch in network.stages[2][1].branches}, {3})


if __name__ == "__main__":
    unittest.main()
