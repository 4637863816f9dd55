"""Following flows gives what the hub's Go makes of the same outputs: both are held against the files of `models/mask`.

    python3 -m models.training.tests.test_follow

writes those files anew. They hold outputs of no network: flows of drawn bodies, blurred and with noise.
"""

import unittest
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from .. import flows, follow

FILES = Path(__file__).parents[2] / "mask" / "testdata" / "flow"
THRESHOLD, MIN_AREA = 0.5, 12  # as in models/mask/flow_test.go


def drawn(seed: int, height: int, width: int, count: int, radius: tuple[float, float]) -> np.ndarray:
    """int32 [height, width]: so many ellipses, one over the other."""
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[:height, :width]
    labels = np.zeros((height, width), np.int32)
    for number in range(1, count + 1):
        y, x, angle = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(0, np.pi)
        long = rng.uniform(*radius)
        short = long * rng.uniform(0.5, 1)
        along, across = np.cos(angle) * (xs - x) + np.sin(angle) * (ys - y), np.cos(angle) * (ys - y) - np.sin(angle) * (xs - x)
        labels[(along / long) ** 2 + (across / short) ** 2 < 1] = number
    return labels


def outputs_of(labels: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """uint8 [H, W, 3]: what a network might say of the labels."""
    rng = np.random.default_rng(seed)
    probability = 255 * ndimage.gaussian_filter((labels > 0).astype(float), 1) + 2 * noise * rng.standard_normal(labels.shape)
    flow = ndimage.gaussian_filter(flows.flow_to_middles(labels).astype(float), (1, 1, 0))
    flow += noise * rng.standard_normal(flow.shape) + 128
    return np.clip(np.concatenate([probability[..., None], flow], axis=2), 0, 255).astype(np.uint8)


def cases() -> dict[str, np.ndarray]:
    """The outputs by the name of their file."""
    hollow = outputs_of(drawn(3, 120, 150, 12, (12, 30)), 4, 3)
    hollow[50:70, 40:60, 0] = 0
    return {
        "crowd": outputs_of(drawn(1, 128, 160, 90, (5, 11)), 8, 1),
        "noise": np.random.default_rng(2).integers(0, 256, (64, 96, 3)).astype(np.uint8),
        "hollow": hollow,
        "full": np.concatenate([np.full((40, 60, 1), 255, np.uint8), outputs_of(drawn(4, 40, 60, 8, (8, 20)), 0, 4)[..., 1:]], axis=2),
    }


class TestFollow(unittest.TestCase):
    def test_gives_the_objects_of_the_files(self):
        for file in sorted(FILES.glob("*_labels.png")):
            with Image.open(str(file).replace("_labels", "")) as given, Image.open(file) as wanted:
                found = follow.objects(np.asarray(given), THRESHOLD, MIN_AREA)
                np.testing.assert_array_equal(found, np.asarray(wanted).astype(np.int32), file.name)
                self.assertGreater(found.max(), 2)

    def test_numbers_parts_in_reading_order(self):
        labels = np.int32([[2, 0, 1, 1], [0, 0, 0, 1], [2, 2, 0, 0]])
        self.assertEqual(follow.in_reading_order(labels, 0).tolist(), [[1, 0, 2, 2], [0, 0, 0, 2], [3, 3, 0, 0]])
        self.assertEqual(follow.in_reading_order(labels, 2).tolist(), [[0, 0, 1, 1], [0, 0, 0, 1], [2, 2, 0, 0]])

    def test_gives_crumbs_to_what_they_touch_most(self):
        parts = np.int32([[1, 1, 1, 1, 2],
                          [1, 1, 1, 1, 2],
                          [3, 3, 4, 0, 5],
                          [3, 3, 0, 6, 0]])
        # 2 has more than a fifth of 1, and 3 has. 4 touches 3 as well, which is not five times as large, 5 only 2, and 6 nothing.
        want = np.where(parts == 4, 1, parts)
        np.testing.assert_array_equal(follow.without_crumbs(parts), want)
        # Of two that are large enough it is the one with the longer border, or the first.
        parts = np.repeat(np.int32([[1, 2, 3], [1, 2, 3], [1, 3, 3]]), (9, 1, 9), axis=1)
        np.testing.assert_array_equal(follow.without_crumbs(parts), np.where(parts == 2, 3, parts))
        np.testing.assert_array_equal(follow.without_crumbs(parts[:2]), np.where(parts[:2] == 2, 1, parts[:2]))
        # A crumb of a crumb goes with it.
        row = np.repeat(np.int32([1, 2, 3]), (1, 6, 31))[None]
        np.testing.assert_array_equal(follow.without_crumbs(row), np.full((1, 38), 3))
        np.testing.assert_array_equal(follow.without_crumbs(np.zeros((2, 2), np.int32)), 0)


def write() -> None:
    FILES.mkdir(parents=True, exist_ok=True)
    for name, outputs in cases().items():
        Image.fromarray(outputs).save(FILES / f"{name}.png", optimize=True)
        labels = follow.objects(outputs, THRESHOLD, MIN_AREA)
        Image.fromarray(labels.astype(np.uint16)).save(FILES / f"{name}_labels.png", optimize=True)


if __name__ == "__main__":
    write()
