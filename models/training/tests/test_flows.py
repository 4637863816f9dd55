"""Flows: they lead to the middle, a crop turns them with the picture, and following them finds the objects again."""

import dataclasses
import unittest

import numpy as np
import torch

from .. import augment, flows, follow
from ..flows import Objects
from ..images import Pair
from ..losses import flow_loss
from ..metrics import match


def nuclei(side: int = 160) -> np.ndarray:
    """int32 [side, side]: ellipses, of which two touch, one has a bay, and one is cut by the edge."""
    ys, xs = np.mgrid[:side, :side]
    labels = np.zeros((side, side), np.int32)
    for number, (y, x, down, right) in enumerate(((40, 40, 18, 12), (40, 64, 14, 14), (110, 50, 9, 30), (100, 120, 20, 20),
                                                  (0, 100, 15, 12)), 1):
        labels[((ys - y) / down) ** 2 + ((xs - x) / right) ** 2 < 1] = number
    labels[(labels == 4) & (np.abs(xs - 120) < 3) & (ys < 95)] = 0
    return labels


def as_outputs(labels: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """What a model that is always right gives."""
    return np.concatenate([np.where(labels > 0, 255, 0)[..., None], flow.astype(int) + 128], axis=2).astype(np.uint8)


class TestFlow(unittest.TestCase):
    def setUp(self):
        self.labels = nuclei()
        self.flow = flows.flow_to_middles(self.labels)

    def test_has_length_one_in_objects_alone(self):
        length = np.hypot(*np.moveaxis(self.flow.astype(float), 2, 0))
        self.assertEqual(np.abs(length[self.labels == 0]).max(), 0)
        inside = length[self.labels > 0]
        self.assertGreater(np.mean(np.abs(inside - flows.UNIT) <= 1), 0.99)  # but where nothing slopes, in the middle

    def test_leads_to_the_middle(self):
        ys, xs = np.nonzero(self.labels == 2)
        away = np.stack([40 - ys, 64 - xs], axis=1).astype(float)
        far = np.hypot(*away.T) > 3
        along = (self.flow[ys, xs] / flows.UNIT * away).sum(axis=1) / np.maximum(np.hypot(*away.T), 1)
        self.assertGreater(along[far].min(), 0.7)

    def test_of_nothing(self):
        self.assertFalse(flows.flow_to_middles(np.zeros((20, 30), np.int32)).any())

    def test_following_finds_the_objects_again(self):
        found = follow.objects(as_outputs(self.labels, self.flow), 0.5)
        self.assertEqual(found.max(), 5)
        self.assertEqual(match(found, self.labels, 0.95), 1)

    def test_following_nothing(self):
        self.assertFalse(follow.objects(np.full((20, 30, 3), 128, np.uint8), 0.9).any())

    def test_a_way_ends_where_the_objects_do(self):
        outputs = np.full((9, 40, 3), 128, np.uint8)
        outputs[..., 0] = 0
        outputs[3:6, 5:15, 0] = 255
        outputs[..., 2] = 255  # all to the right, out of the body
        found = follow.objects(outputs, 0.5)
        np.testing.assert_array_equal(found > 0, outputs[..., 0] > 0)
        self.assertEqual(found.max(), 1)


class TestObjects(unittest.TestCase):
    def setUp(self):
        labels = nuclei()
        self.objects = Objects(labels, flows.flow_to_middles(labels))

    def test_knows_sizes_meetings_and_what_is_cut(self):
        self.assertAlmostEqual(self.objects.diameter, 2 * np.sqrt(18 * 12), delta=1)
        self.assertEqual(self.objects.cut.tolist(), [5])
        met = {self.objects.labels[y, x] for y, x in self.objects.meetings}
        self.assertEqual(met, {1, 2})

    def test_a_crop_turns_the_flow_with_the_picture(self):
        # What is found in a crop by its flow must be what the crop shows of the labels.
        labels = self.objects.labels
        pair = Pair("nuclei", np.where(labels > 0, 200, 20).astype(np.uint8)[..., None], np.where(labels > 0, 255, 0).astype(np.uint8)[..., None],
                    self.objects)
        for seed in range(8):
            rng = np.random.default_rng(seed)
            window = augment.place(labels.shape, 96, (0.8, 2), rng, self.objects)
            flow, whole = augment.flow_in(window, self.objects)
            y, _ = augment.folded(window.y, len(labels))
            x, _ = augment.folded(window.x, len(labels))
            shown = labels[np.minimum(y.astype(int), 159), np.minimum(x.astype(int), 159)]
            length = np.hypot(*flow)
            self.assertGreater(np.mean(np.abs(length[shown > 0] - 1) < 1e-3), 0.98)
            # A little step along the flow leads up the heat, so nearer to the middle.
            heat = flows.spread(labels)
            ys, xs = np.nonzero((length > 0) & whole & (shown > 0))
            there = np.rint(ys + 2 * flow[0, ys, xs]).astype(int), np.rint(xs + 2 * flow[1, ys, xs]).astype(int)
            kept = (there[0] >= 0) & (there[0] < 96) & (there[1] >= 0) & (there[1] < 96)
            warmth = heat[np.minimum(y.astype(int), 159), np.minimum(x.astype(int), 159)]
            up = warmth[there[0][kept], there[1][kept]] >= warmth[ys[kept], xs[kept]]
            self.assertGreater(up.mean(), 0.9, seed)
            image, target, weight = augment.crop(pair, 96, (0.8, 2), "native", rng)
            self.assertEqual((image.shape, target.shape, weight.shape), ((2, 96, 96), (3, 96, 96), (1, 96, 96)))

    def test_what_the_edge_cuts_is_not_looked_at_in_a_mirror(self):
        window = augment.Window(1, *np.meshgrid(np.arange(160) + 0.5, np.arange(-40, 120) + 0.5), mirrored=True)
        _, whole = augment.flow_in(window, self.objects)
        self.assertFalse(whole[40, 100])
        self.assertTrue(whole[80, 40])
        _, whole = augment.flow_in(dataclasses.replace(window, mirrored=False), self.objects)
        self.assertTrue(whole.all())


class TestFlowLoss(unittest.TestCase):
    def test_knows_right_from_wrong_and_where_not_to_look(self):
        labels = nuclei(160)[:96, :96]
        target = torch.from_numpy(np.stack([labels > 0, *np.moveaxis(flows.flow_to_middles(labels) / 127, 2, 0)]).astype(np.float32))[None]
        outputs = torch.cat([20 * (target[:, :1] - 0.5), target[:, 1:]], dim=1)
        weight = torch.ones(1, 1, 96, 96)
        self.assertLess(flow_loss(outputs, target, weight).item(), 0.05)
        opposite = torch.cat([outputs[:, :1], -outputs[:, 1:]], dim=1)
        self.assertGreater(flow_loss(opposite, target, weight).item(), 3)
        weight[0, 0] = torch.from_numpy((labels == 0).astype(np.float32))
        torch.testing.assert_close(flow_loss(opposite, target, weight), flow_loss(outputs, target, weight))


if __name__ == "__main__":
    unittest.main()
