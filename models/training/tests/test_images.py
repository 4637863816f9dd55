"""Reading, fitting and scoring of arrays."""

import tempfile
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

from .. import images
from ..metrics import dice_and_iou, match


class TestFit(unittest.TestCase):
    def test_keeps_the_aspect_and_repeats_the_edge(self):
        grey = np.tile(np.linspace(0, 255, 200, dtype=np.uint8), (100, 1))
        fitted, size = images.fit(grey[..., None], 64)
        self.assertEqual((fitted.shape, size), ((64, 64, 1), (64, 32)))
        np.testing.assert_array_equal(fitted[31], fitted[63])

    def test_unfit_undoes_fit(self):
        ys, xs = np.mgrid[:90, :60]
        grey = np.where((xs - 30) ** 2 + (ys - 45) ** 2 < 400, 255, 0).astype(np.uint8)
        fitted, size = images.fit(grey[..., None], 128)
        back = images.unfit(fitted[..., 0], size, 60, 90)
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
        self.assertEqual(self.read(green, lambda file: images.read_image(file, 1)).tolist(), [[[150]] * 4] * 4)  # 0.587 * 255
        np.testing.assert_array_equal(self.read(green, lambda file: images.read_image(file, 3)), green)

    def test_grey_becomes_three_equal_channels(self):
        grey = np.arange(16, dtype=np.uint8).reshape(4, 4)
        np.testing.assert_array_equal(self.read(grey, lambda file: images.read_image(file, 3)), np.stack([grey] * 3, axis=-1))

    def test_sixteen_bits_are_stretched(self):
        ramp = np.linspace(1000, 3000, 10000).astype(np.uint16).reshape(100, 100)
        for channels in (1, 3):
            image = self.read(ramp, lambda file: images.read_image(file, channels))
            self.assertEqual((image.shape, image.min(), image.max()), ((100, 100, channels), 0, 255))

    def test_labels_become_objects(self):
        labels = np.zeros((9, 20), np.uint16)
        labels[:, :8], labels[:, 8:18] = 1, 300
        plain = self.read(labels, lambda file: images.read_pair(file, file, 1, "threshold"))
        self.assertEqual(np.flatnonzero(plain.target[4, :, 0]).tolist(), [*range(18)])
        self.assertEqual((plain.target.shape, plain.objects), ((9, 20, 1), None))
        told = self.read(labels, lambda file: images.read_pair(file, file, 1, "flow")).objects
        np.testing.assert_array_equal(told.labels, labels)
        self.assertEqual((told.flow.shape, told.cut.tolist()), ((9, 20, 2), [1, 300]))


class TestStretch(unittest.TestCase):
    def test_spreads_what_is_there(self):
        image = np.linspace(30, 60, 3000).reshape(30, 100)
        out = images.stretch(image)
        self.assertEqual((out.min(), out.max()), (0, 255))

    def test_leaves_noise_quiet(self):
        self.assertLess(np.ptp(images.stretch(np.full((10, 10), 7))), 1)
        self.assertLess(np.ptp(images.stretch(100 + np.arange(100).reshape(10, 10) % 2)), 40)


class TestSpans(unittest.TestCase):
    def test_cover_an_axis_once(self):
        for length in (1, 100, 128, 129, 192, 193, 1000, 2700):
            spans = images.spans(length, 128)
            self.assertEqual([s.begin for s in spans], [0, *(s.end for s in spans[:-1])])
            self.assertEqual(spans[-1].end, length)
            for a, b in zip(spans, spans[1:]):
                self.assertLessEqual(b.start, a.start + 128 - 16)
                # What is taken lies well inside the tile on both sides of a cut.
                self.assertGreaterEqual(a.start + 128 - a.end, 8)
                self.assertGreaterEqual(b.begin - b.start, 8)
            self.assertLessEqual(spans[-1].start + 128, max(length, 128))


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

    def test_objects_match_by_what_they_share(self):
        truth = np.repeat(np.int32([[0, 1, 2, 3]]), 10, axis=1)
        found = truth.copy()
        self.assertEqual(match(found, truth, 0.7), 1)
        found[0, 18:20] = 0   # 8 of 10 pixels of the first
        found[0, 25:30] = 0   # 5 of 10 of the second
        self.assertAlmostEqual(match(found, truth, 0.7), 2 * 2 / 6)
        self.assertAlmostEqual(match(found, truth, 0.85), 2 * 1 / 6)
        found[found == 3] = 2  # the third run together with the second
        self.assertAlmostEqual(match(found, truth, 0.5), 2 * 2 / 5)
        nothing = np.zeros_like(truth)
        self.assertEqual((match(nothing, nothing, 0.5), match(nothing, truth, 0.5)), (1, 0))


if __name__ == "__main__":
    unittest.main()
