"""What is sent of an array."""

import io
import unittest

import numpy as np
import tifffile

from seghub.hub import _file


class ArraysAreFiles(unittest.TestCase):
    def sent(self, image):
        return tifffile.imread(io.BytesIO(_file(image, "")[1]))

    def test_whole_numbers_of_8_and_16_bits_stay_as_they_are(self):
        values = np.arange(12).reshape(3, 4) * 20
        for kind in ("u1", "<u2", ">u2"):
            with self.subTest(kind):
                sent = self.sent(values.astype(kind))
                self.assertEqual(sent.dtype, np.dtype(kind).newbyteorder("="))
                np.testing.assert_array_equal(sent, values)
        colour = np.stack([values, values + 1, values + 2], axis=2).astype(np.uint8)
        np.testing.assert_array_equal(self.sent(colour), colour)

    def test_other_numbers_are_stretched(self):
        for values in (np.array([[-1.0, 0.0, 1.0]]), np.array([[1, 2, 3]], np.int32)):
            np.testing.assert_array_equal(self.sent(values), [[0, 32768, 65535]])
        np.testing.assert_array_equal(self.sent(np.array([[True, False]])), [[255, 0]])

    def test_what_is_no_image_is_refused(self):
        for image in (np.zeros(3), np.zeros((2, 2, 4)), np.zeros((2, 2, 2, 3)), np.array([[np.nan, 1]])):
            with self.assertRaises(ValueError):
                _file(image, "")


if __name__ == "__main__":
    unittest.main()
