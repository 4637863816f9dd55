"""The generator of spheroids: the same by seed, and what its masks promise."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from scipy import ndimage

from .. import synth
from ..bodies import make_body
from ..embryos import make_embryo


class TestSpheroids(unittest.TestCase):
    def test_a_seed_is_a_picture(self):
        first, again, other = synth.spheroids(7, 128), synth.spheroids(7, 128), synth.spheroids(8, 128)
        np.testing.assert_array_equal(first.image, again.image)
        np.testing.assert_array_equal(first.mask, again.mask)
        self.assertTrue((first.image != other.image).any())

    def test_masks_are_binary_and_of_the_picture(self):
        for seed in range(6):
            pair = synth.spheroids(seed, 96)
            self.assertEqual((pair.image.shape, pair.image.dtype), ((96, 96, 1), np.uint8))
            self.assertEqual((pair.mask.shape, pair.mask.dtype), ((96, 96), np.uint8))
            self.assertLessEqual(set(np.unique(pair.mask)), {0, 255})

    def test_a_body_is_one_piece_and_darkens(self):
        for seed in range(8):
            body = make_body(np.random.default_rng(seed), radius=30, unit=1)
            _, pieces = ndimage.label(body.mask)
            self.assertEqual(pieces, 1)
            self.assertLess(body.transmission[body.mask].mean(), 1)
            edge = np.concatenate([body.transmission[0], body.transmission[-1]])
            self.assertLess(np.abs(edge - 1).max(), 0.05, "the patch must end without a visible square")

    def test_an_embryo_is_told_by_its_rim_and_its_grain(self):
        lighter = 0
        for seed in range(12):
            body = make_embryo(np.random.default_rng(seed), radius=60, unit=1)
            _, pieces = ndimage.label(body.mask)
            self.assertEqual(pieces, 1)
            inside = ndimage.binary_erosion(body.mask, iterations=25)
            rim = body.mask & ~ndimage.binary_erosion(body.mask, iterations=8)
            self.assertLess(body.transmission[rim].min(), body.transmission[inside].mean())
            self.assertGreater(body.transmission[inside].std(), 0.02, "a clear middle is a bubble's")
            lighter += body.transmission[inside].mean() > 0.85
            edge = np.concatenate([body.transmission[0], body.transmission[-1]])
            self.assertLess(np.abs(edge - 1).max(), 0.05, "the patch must end without a visible square")
        self.assertGreater(lighter, 6, "most are as light as what is around them")

    def test_embryos_keep_apart(self):
        for seed in range(50):
            drawn = synth.embryo_places(np.random.default_rng(seed), 512)
            self.assertGreaterEqual(len(drawn), 1)
            for number, (x, y, radius) in enumerate(drawn):
                for other_x, other_y, other in drawn[:number]:
                    self.assertGreater(np.hypot(x - other_x, y - other_y), radius + other)

    def test_some_pictures_hold_nothing(self):
        drawn = [synth.places(np.random.default_rng(seed), 512, 1) for seed in range(200)]
        self.assertTrue(any(not bodies for bodies in drawn))
        self.assertTrue(any(len(bodies) > 4 for bodies in drawn))

    def test_a_rendered_set_is_its_seeds(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "set.npz"
            synth.render(file, count=2, first_seed=5, side=64, processes=1)
            arrays = np.load(file)
            np.testing.assert_array_equal(arrays["grey"][1], synth.spheroids(6, 64).image[..., 0])
            np.testing.assert_array_equal(arrays["mask"][1], synth.spheroids(6, 64).mask)

    def test_a_rendering_that_is_stopped_leaves_no_set(self):
        def stopped(file, **_arrays):
            Path(file.name).write_bytes(b"PK")
            raise KeyboardInterrupt

        with tempfile.TemporaryDirectory() as folder, mock.patch.object(np, "savez", stopped):
            file = Path(folder) / "set.npz"
            with self.assertRaises(KeyboardInterrupt):
                synth.render(file, count=1, first_seed=5, side=64, processes=1)
            self.assertFalse(file.exists())


if __name__ == "__main__":
    unittest.main()
