"""What is sent of an array."""

import io
import os
import tempfile
import unittest
from pathlib import Path

import numpy as np
import tifffile

from seghub.hub import _file


class ArraysAreFiles(unittest.TestCase):
    def sent(self, image):
        return tifffile.imread(io.BytesIO(_file(image, "")[1]))

    def test_numbers_stay_as_they_are(self):
        values = np.arange(12).reshape(3, 4) * 10
        for kind in ("u1", "<u2", ">u2", "i1", "i2", ">i4", "u8", "f2", "f4", ">f8"):
            with self.subTest(kind):
                sent = self.sent(values.astype(kind))
                self.assertEqual(sent.dtype, np.dtype(kind).newbyteorder("="))
                np.testing.assert_array_equal(sent, values)
        colour = np.stack([values, values + 1, values + 2], axis=2).astype(np.uint8)
        np.testing.assert_array_equal(self.sent(colour), colour)

    def test_truth_is_white(self):
        np.testing.assert_array_equal(self.sent(np.array([[True, False]])), [[255, 0]])

    def test_what_is_no_image_is_refused(self):
        for image in (np.zeros(3), np.zeros((2, 2, 4)), np.zeros((2, 2, 2, 3)), np.zeros((2, 2), complex), np.array([[None]])):
            with self.assertRaises(ValueError):
                _file(image, "")

    def test_names_may_hold_any_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(os.fsencode(folder), b"M\xfcller \xe2\x82\xac.png")
            try:
                Path(os.fsdecode(path)).write_bytes(b"image")
            except OSError:
                self.skipTest("left out: names that are not UTF-8, which this system does not take")
            self.assertEqual(_file(os.fsdecode(path), ""), ("M?ller \u20ac.png", b"image"))


if __name__ == "__main__":
    unittest.main()
