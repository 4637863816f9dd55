"""Crops: in range, reproducible, and the mask goes where the image goes."""

import unittest

import numpy as np
import torch

from .. import augment, data
from ..architectures.preparation import prepare, standardise
from ..flows import Objects, flow_to_middles
from ..images import Pair


def disc(side: int = 120, radius: int = 30) -> Pair:
    """A dark disc on light ground and its mask."""
    ys, xs = np.mgrid[:side, :side] - side / 2
    inside = xs ** 2 + ys ** 2 < radius ** 2
    return Pair("disc", np.where(inside, 40, 200).astype(np.uint8)[..., None], np.where(inside, 255, 0).astype(np.uint8)[..., None])


def coloured(side: int = 120) -> Pair:
    """Noise in three channels, and three targets."""
    rng = np.random.default_rng(0)
    return Pair("noise", rng.integers(0, 256, (side, side, 3), dtype=np.uint8),
                np.where(rng.random((side, side, 3)) < 0.5, 255, 0).astype(np.uint8))


class TestCrop(unittest.TestCase):
    def test_is_made_of_the_generator_alone(self):
        for first, again in zip(*(augment.crop(disc(), 64, (0.5, 1.6), "fit", data.generator(1, 2)) for _ in range(2))):
            np.testing.assert_array_equal(first, again)

    def test_ranges(self):
        for seed in range(20):
            for pair, scaling, channels, outputs in ((disc(), "fit", 2, 1), (coloured(), "native", 6, 3)):
                image, target, weight = augment.crop(pair, 64, (0.5, 1.6), scaling, np.random.default_rng(seed))
                self.assertEqual((image.shape, target.shape, weight.shape),
                                 ((channels, 64, 64), (outputs, 64, 64), (1, 64, 64)))
                self.assertTrue(np.isfinite(image).all())
                self.assertLess(np.abs(image).max(), 20 if scaling == "fit" else 1 + 1e-6)
                self.assertGreaterEqual(target.min(), 0)
                self.assertLessEqual(target.max(), 1)
                self.assertLessEqual(set(np.unique(weight)), {0, 1})

    def test_the_mask_stays_on_the_body(self):
        for seed in range(20):
            pair = disc()
            window = augment.place(pair.image.shape[:2], 96, (0.7, 1.4), np.random.default_rng(seed))
            image, target = augment.sample(window, pair.image.astype(np.float32), pair.target)
            np.testing.assert_allclose(target, (200 - image) / 160, atol=1e-3)

    def test_standardises_as_the_model_does(self):
        image = disc().image.astype(np.float32)
        for part in (image, image[:50], image[:, :70]):
            mean, deviation = augment.statistics(part)
            seen = standardise(torch.from_numpy(augment.square(part)).permute(2, 0, 1)[None])[0, 0]
            height, width = part.shape[:2]
            found = (part[..., 0] - mean) / deviation
            self.assertLess(np.abs(found - seen[:height, :width].numpy()).max(), 0.1)

    def test_a_tile_is_prepared_as_the_model_does(self):
        image, _, _ = augment.crop(coloured(), 64, (1, 1), "native", np.random.default_rng(4))
        levels = torch.from_numpy((image[:3] + 1) * 127.5)[None]
        torch.testing.assert_close(prepare(levels, "native")[0], torch.from_numpy(image), atol=1e-3, rtol=0)

    def test_stains_keep_the_picture(self):
        for seed in range(20):
            image = coloured(15).image.repeat(8, axis=0).repeat(8, axis=1)
            stained = augment.stain(image, np.random.default_rng(seed))
            self.assertEqual((stained.shape, stained.dtype), (image.shape, np.uint8))
            likeness = np.corrcoef(stained.mean(axis=2).ravel(), image.mean(axis=2).ravel())[0, 1]
            # Nuclei shine that take red light, which is a third of this picture's.
            self.assertTrue(likeness > 0.6 or likeness < -0.3, likeness)

    def test_a_section_is_darkest_where_its_nuclei_are(self):
        nuclear = np.zeros((48, 64), np.float32)
        nuclear[10:20, 10:20] = 1
        for seed in range(20):
            drawn = augment.section(nuclear, np.random.default_rng(seed))
            self.assertEqual((drawn.shape, drawn.dtype), ((48, 64, 3), np.uint8))
            red = drawn[..., 0].astype(float)  # which eosin lets through
            self.assertLess(red[nuclear > 0].mean(), 0.85 * red[nuclear == 0].mean())

    def test_fluorescence_becomes_a_section_at_times(self):
        image = np.full((40, 40, 3), 10, np.uint8)
        image[10:20, 10:20] = 200
        bright = [seed for seed in range(60) if np.median(augment.stain(image, np.random.default_rng(seed))) > 100]
        self.assertGreater(len(bright), 2)
        self.assertLess(len(bright), 20)

    def test_nuclei_of_a_section_shine_where_they_take_light(self):
        nuclear = np.zeros((48, 64), np.float32)
        nuclear[10:20, 10:20] = 1
        nuclear[30:40, 40:50] = 1
        for seed in range(20):
            rng = np.random.default_rng(seed)
            absorbed = nuclear[..., None] * augment.HAEMATOXYLIN + rng.uniform(0, 0.1, (48, 64, 1)) * augment.EOSIN
            drawn = augment.glow(absorbed, rng)
            self.assertEqual((drawn.shape, drawn.dtype), ((48, 64, 3), np.uint8))
            self.assertEqual(np.ptp(drawn, axis=2).max(), 0)
            self.assertGreater(drawn[nuclear > 0].mean(), 2 * drawn[nuclear == 0].mean())

    def test_a_section_becomes_fluorescence_at_times(self):
        image = np.full((40, 40, 3), (230, 215, 225), np.uint8)
        image[10:20, 10:20] = (120, 70, 150)
        dark = [seed for seed in range(60) if np.median(augment.stain(image, np.random.default_rng(seed))) < 100]
        self.assertGreater(len(dark), 5)
        self.assertLess(len(dark), 25)

    def test_lint_covers_what_lies_under_it(self):
        pair = disc()
        image, target = augment.lint(pair.image, pair.target, np.random.default_rng(2))
        covered = (pair.target > 0) & (target == 0)
        self.assertTrue(covered.any())
        self.assertTrue((image[covered] != pair.image[covered]).all())
        untouched = np.abs(image.astype(int) - pair.image) <= 1
        np.testing.assert_array_equal(target[untouched], pair.target[untouched])


class TestDraw(unittest.TestCase):
    def test_rare_groups_count(self):
        one, two = disc(), disc(radius=10)
        sets = {"a": [[one] * 9, [two]]}
        drawn = [data.draw(sets, {"a": 1}, np.random.default_rng(seed)) for seed in range(400)]
        self.assertAlmostEqual(sum(pair is two for pair in drawn) / 400, 0.25, delta=0.08)

    def test_instruments_are_told_apart(self):
        small, large = disc(64, 10), disc()
        dark = Pair("dark", 255 - small.image, small.target)
        groups = data.by_instrument([small, large, dark, small])
        self.assertEqual(sorted(map(len, groups)), [1, 1, 2])

    def test_stains_and_sizes_are_told_apart(self):
        white, purple, pink = (pair_on(colour) for colour in ((220, 222, 225), (182, 164, 208), (212, 160, 204)))
        small = pair_on((220, 222, 225), width=8)
        groups = data.by_look([[white, purple, pink, small, white]])
        self.assertEqual(sorted(map(len, groups)), [1, 1, 1, 2])

    def test_what_has_no_objects_stays_together(self):
        self.assertEqual(len(data.by_look([[disc(), disc(radius=5)]])), 1)


def pair_on(colour: tuple[int, int, int], width: int = 20) -> Pair:
    """A dark square nucleus on a ground of that colour."""
    labels = np.zeros((64, 64), np.int32)
    labels[16 : 16 + width, 16 : 16 + width] = 1
    image = np.where(labels[..., None] > 0, 40, np.array(colour)).astype(np.uint8)
    return Pair("square", image, np.where(labels > 0, 255, 0).astype(np.uint8)[..., None], Objects(labels, flow_to_middles(labels)))


if __name__ == "__main__":
    unittest.main()
