"""The curve by the images that are held back."""

import csv
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

from .. import data, judge
from ..flows import Objects, flow_to_middles
from ..images import Pair
from ..recipes import RECIPES
from .test_flows import nuclei


class Knowing(torch.nn.Module):
    """A network that was told the answer, and says it whatever it sees."""

    multiple = 32

    def __init__(self, labels: np.ndarray):
        super().__init__()
        flow = np.moveaxis(flow_to_middles(labels) / 127, 2, 0)
        self.answer = torch.from_numpy(np.stack([np.where(labels > 0, 9, -9), *flow]).astype(np.float32))[None]

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        grown = [wide - have for wide, have in zip(seen.shape[2:], self.answer.shape[2:])]
        return torch.nn.functional.pad(self.answer, (0, grown[1], 0, grown[0]))


class TestJudge(unittest.TestCase):
    def setUp(self):
        self.labels = nuclei()[:150]
        image = np.where(self.labels > 0, 200, 20).astype(np.uint8)[..., None].repeat(3, axis=2)
        objects = Objects(self.labels, flow_to_middles(self.labels))
        self.grey = Pair("grey", image, np.where(self.labels > 0, 255, 0).astype(np.uint8)[..., None], objects)
        self.pink = Pair("pink", image * np.uint8([1, 0, 1]), self.grey.target, objects)

    def test_who_knows_has_all_marks(self):
        scores = judge.judge(Knowing(self.labels), RECIPES["unet_nuclei"], [self.grey, self.pink], torch.device("cpu"))
        self.assertEqual(set(scores), {f"{kind}_{score}" for kind in judge.KINDS for score in ("dice", "f1_50", "f1_70")})
        self.assertEqual(set(scores.values()), {1.0})

    def test_who_sees_nothing_has_none(self):
        blind = Knowing(np.zeros_like(self.labels))
        scores = judge.judge(blind, RECIPES["unet_nuclei"], [self.grey], torch.device("cpu"))
        self.assertEqual(scores, {"fluorescence_dice": 0, "fluorescence_f1_50": 0, "fluorescence_f1_70": 0})

    def test_notes_a_row_a_step_once(self):
        with tempfile.TemporaryDirectory() as folder:
            curve = Path(folder) / "curve.csv"
            for step, dice in ((500, 0.5), (1000, 0.6), (500, 0.7)):
                judge.note(curve, step, {"dice": dice})
            with curve.open(newline="") as file:
                self.assertEqual(list(csv.DictReader(file)), [{"step": "500", "dice": "0.7"}])


class TestHoldBack(unittest.TestCase):
    def test_takes_some_of_each_instrument(self):
        image = np.zeros((4, 4, 3), np.uint8)
        groups = [[Pair(f"{letter}{number}", image, image) for number in range(count)] for letter, count in (("a", 23), ("b", 5), ("c", 6))]
        learnt, kept = data.hold_back({"nuclei": groups}, 10)
        self.assertEqual([pair.name for pair in kept], ["a13", "a22", "c5"])
        self.assertEqual([len(group) for group in learnt["nuclei"]], [21, 5, 5])


if __name__ == "__main__":
    unittest.main()
