"""Crops: in range, reproducible, and the mask goes where the image goes."""

import unittest

import numpy as np
import torch

from .. import augment, data
from ..architectures.preparation import standardise
from ..images import Pair


def disc(side: int = 120, radius: int = 30) -> Pair:
    """A dark disc on light ground and its mask."""
    ys, xs = np.mgrid[:side, :side] - side / 2
    inside = xs ** 2 + ys ** 2 < radius ** 2
    return Pair("disc", np.where(inside, 40, 200).astype(np.uint8), np.where(inside, 255, 0).astype(np.uint8))


class TestCrop(unittest.TestCase):
    def test_is_made_of_the_generator_alone(self):
        for first, again in zip(*(augment.crop(disc(), 64, (0.5, 1.6), data.generator(1, 2)) for _ in range(2))):
            np.testing.assert_array_equal(first, again)

    def test_ranges(self):
        for seed in range(20):
            image, target, weight = augment.crop(disc(), 64, (0.5, 1.6), np.random.default_rng(seed))
            self.assertEqual((image.shape, target.shape, weight.shape), ((2, 64, 64), (1, 64, 64), (1, 64, 64)))
            self.assertTrue(np.isfinite(image).all())
            self.assertLess(np.abs(image).max(), 20)
            self.assertGreaterEqual(target.min(), 0)
            self.assertLessEqual(target.max(), 1)
            self.assertLessEqual(set(np.unique(weight)), {0, 1})

    def test_the_mask_stays_on_the_body(self):
        for seed in range(20):
            pair = disc()
            image, target, _ = augment.place(pair.grey.astype(np.float32), pair.mask, 96, (0.7, 1.4),
                                             np.random.default_rng(seed))
            np.testing.assert_allclose(target, (200 - image) / 160, atol=1e-3)

    def test_standardises_as_the_model_does(self):
        grey = disc().grey
        for part in (grey, grey[:50], grey[:, :70]):
            changed, mean, deviation = augment.tones(part, np.random.default_rng(0))
            seen = standardise(torch.from_numpy(augment.square(changed))[None, None])[0, 0]
            height, width = part.shape
            found = (changed - mean) / deviation
            self.assertLess(np.abs(found - seen[:height, :width].numpy()).max(), 0.1)

    def test_lint_covers_what_lies_under_it(self):
        pair = disc()
        grey, mask = augment.lint(pair.grey, pair.mask, np.random.default_rng(2))
        covered = (pair.mask > 0) & (mask == 0)
        self.assertTrue(covered.any())
        self.assertTrue((grey[covered] != pair.grey[covered]).all())
        untouched = np.abs(grey.astype(int) - pair.grey) <= 1
        np.testing.assert_array_equal(mask[untouched], pair.mask[untouched])


class TestDraw(unittest.TestCase):
    def test_groups_are_drawn_equally_often(self):
        one, two = disc(), disc(radius=10)
        sets = {"a": [[one] * 9, [two]]}
        drawn = [data.draw(sets, {"a": 1}, np.random.default_rng(seed)) for seed in range(400)]
        self.assertAlmostEqual(sum(pair is two for pair in drawn) / 400, 0.5, delta=0.1)


if __name__ == "__main__":
    unittest.main()
