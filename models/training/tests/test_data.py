"""The sets on disk, where they are there, and the gallery of what a model makes of them."""

import unittest
from pathlib import Path

import numpy as np

from .. import data, gallery, images
from ..evaluate import Scored
from ..synth import spheroids

DATA = Path(__file__).parents[3].parent / "shared" / "data"


@unittest.skipUnless(DATA.is_dir(), "left out: real images are absent: ../shared/data")
class TestSets(unittest.TestCase):
    def test_are_as_many_as_the_card_says(self):
        counts = {name: len(source.files(DATA)) for name, source in {**data.TRAINING, **data.VALIDATION}.items()}
        self.assertEqual(counts, {"nuclei": 574, "dic_cells": 32, "spheroids": 7, "nuclei_val": 65,
                                  "dic_cells_kept_fields": 8, "spheroids_other_source_pseudo": 1})

    def test_share_no_file(self):
        learnt = {file for source in data.TRAINING.values() for file in source.files(DATA)}
        kept = {file for source in data.VALIDATION.values() for file in source.files(DATA)}
        self.assertFalse(learnt & kept)

    def test_masks_fit_their_images(self):
        for pair in data.VALIDATION["dic_cells_kept_fields"].pairs(DATA):
            self.assertEqual(pair.image.shape, pair.target.shape)
            self.assertTrue((pair.mask == 255).any())
            self.assertEqual(max(images.scale_to_fit(pair, 512).image.shape), 512)


class TestAbsentSet(unittest.TestCase):
    def test_is_named(self):
        with self.assertRaisesRegex(FileNotFoundError, "BBBC030"):
            data.VALIDATION["dic_cells_kept_fields"].files(Path("nowhere"))


class TestGallery(unittest.TestCase):
    def setUp(self):
        pair = spheroids(1, 64)
        self.scored = [Scored(pair, pair.mask, dice / 20, dice / 30) for dice in range(20)]

    def test_shows_best_median_and_worst(self):
        dices = [round(20 * item.dice) for item in gallery.chosen(self.scored)]
        self.assertEqual(dices, [19, 18, 17, 11, 10, 9, 2, 1, 0])
        self.assertEqual(len(gallery.chosen(self.scored[:4])), 4)

    def test_colours_errors(self):
        truth, found = np.array([[True, True, False, False]]), np.array([[True, False, True, False]])
        right, missed, too_much, neither = gallery.error(np.zeros((1, 4, 3), np.uint8), truth, found)[0].astype(int)
        self.assertEqual([np.argmax(pixel) for pixel in (right, missed, too_much)], [1, 2, 0])
        self.assertEqual(neither.sum(), 0)

    def test_a_sheet_has_a_row_an_image(self):
        self.assertEqual(gallery.sheet(self.scored, 0.5).size, (4 * gallery.CELL, 9 * gallery.CELL))


if __name__ == "__main__":
    unittest.main()
