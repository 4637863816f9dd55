"""Reading, fitting and scoring of arrays."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

from .. import images
from ..metrics import dice_and_iou


class TestFit(unittest.TestCase):
    def test_keeps_the_aspect_and_repeats_the_edge(self):
        grey = np.tile(np.linspace(0, 255, 200, dtype=np.uint8), (100, 1))
        fitted, size = images.fit(grey, 64)
        self.assertEqual((fitted.shape, size), ((64, 64), (64, 32)))
        np.testing.assert_array_equal(fitted[31], fitted[63])

    def test_unfit_undoes_fit(self):
        ys, xs = np.mgrid[:90, :60]
        grey = np.where((xs - 30) ** 2 + (ys - 45) ** 2 < 400, 255, 0).astype(np.uint8)
        fitted, size = images.fit(grey, 128)
        back = images.unfit(fitted, size, 60, 90)
        self.assertEqual(back.shape, grey.shape)
        self.assertGreater(dice_and_iou(back > 127, grey > 127)[0], 0.98)

    def test_a_line_of_pixels_keeps_its_width(self):
        self.assertEqual(images.fitted_size(5000, 1, 512), (512, 1))


class TestRead(unittest.TestCase):
    def read(self, pixels: np.ndarray, read):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "image.png"
            Image.fromarray(pixels).save(file)
            return read(file)

    def test_colour_becomes_luminance(self):
        green = np.zeros((4, 4, 3), np.uint8)
        green[..., 1] = 255
        self.assertEqual(self.read(green, images.read_grey)[0, 0], 150)  # 0.587 * 255

    def test_sixteen_bits_are_stretched(self):
        ramp = np.linspace(1000, 3000, 10000).astype(np.uint16).reshape(100, 100)
        grey = self.read(ramp, images.read_grey)
        self.assertEqual((grey.min(), grey.max()), (0, 255))

    def test_labels_become_one_mask(self):
        labels = np.array([[0, 1], [300, 0]], np.uint16)
        np.testing.assert_array_equal(self.read(labels, images.read_mask), [[0, 255], [255, 0]])


class TestMetrics(unittest.TestCase):
    def test_known_overlaps(self):
        row = np.arange(10)
        for found, truth, dice, iou in (
            (row < 4, row < 4, 1, 1),
            (row < 4, row >= 4, 0, 0),
            (row < 4, row < 2, 2 * 2 / 6, 2 / 4),
            (row < 0, row < 0, 1, 1),
            (row < 3, row < 0, 0, 0),
        ):
            self.assertEqual(dice_and_iou(found, truth), (dice, iou))


if __name__ == "__main__":
    unittest.main()
