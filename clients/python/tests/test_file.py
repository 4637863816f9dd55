"""What is sent of an array."""

import io
import unittest

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


if __name__ == "__main__":
    unittest.main()
