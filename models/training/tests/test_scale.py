import unittest

import numpy as np

from .. import scale

SPEC = {"input": {"height": 128}, "threshold": 0.5, "diameter": {"best": 20, "least": 10, "most": 40}}


def discs(side: int, diameter: float) -> np.ndarray:
    """Bright discs on a grid."""
    pitch = 1.8 * diameter
    place = (np.arange(side) + 0.5) % pitch - pitch / 2
    return np.where(np.hypot(place[:, None], place) < diameter / 2, 200, 0).astype(np.uint8)[..., None]


class ScaleTest(unittest.TestCase):
    def looks_at(self, image: np.ndarray, spec: dict = SPEC) -> tuple[float, int]:
        """The factor, by a model that takes what is bright for object, and how often it was asked."""
        asked = []
        factor = scale.factor(spec, image, lambda tile: asked.append(tile.shape) or tile[..., :1])
        self.assertTrue(all(shape == (128, 128, 1) for shape in asked))
        return factor, len(asked)

    def test_brings_objects_to_a_diameter_that_is_known(self):
        # As TestADiameterIsFound of models/scale_test.go.
        for diameter, want in ((5, 3.35), (8, 2.07), (12, 1), (25, 1), (36, 1), (60, 1 / 3), (120, 1 / 6)):
            with self.subTest(diameter=diameter):
                factor, asked = self.looks_at(discs(700, diameter))
                self.assertAlmostEqual(factor / want, 1, delta=0.12)
                self.assertLessEqual(asked, 4)

    def test_leaves_what_has_few_objects(self):
        self.assertEqual(self.looks_at(discs(200, 2000)), (1, 2))
        self.assertEqual(self.looks_at(discs(40, 30)), (1, 2))

    def test_leaves_images_of_models_that_take_any_size(self):
        self.assertEqual(self.looks_at(discs(200, 80), {"input": {"height": 128}, "threshold": 0.5}), (1, 0))
