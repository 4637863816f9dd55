"""Training: it learns, and a run that was stopped goes on as if it had not been."""

import contextlib
import io
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from .. import data, synth
from .. import train as train_module
from ..architectures.preparation import prepare
from ..flows import Objects, flow_to_middles
from ..images import Pair
from ..losses import overlap_loss
from ..recipes import RECIPES, Phase, Recipe
from ..train import Run, make_batch, schedule, shipped, train, zoom
from .test_flows import nuclei

TINY = Recipe(id="tiny", title="", description="", architecture="unet", options={"width": 4, "levels": 3}, side=64,
              phases=(Phase(6, 32, 2, (0.8, 1.2), {"synthetic": 1}), Phase(4, 64, 1, (0.8, 1.2), {"synthetic": 1})))


class TestRun(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.sets = {"synthetic": [[synth.spheroids(seed, 64) for seed in range(3)]]}

    def test_begins_anew_where_a_phase_says_so(self):
        once, twice = TINY.phases
        run = Run(replace(TINY, phases=(once, twice, replace(once, anew=True), twice)), self.folder, 1)
        self.assertEqual([run.course(step) for step in (0, 9, 10, 19)], [(0, 10), (9, 10), (0, 10), (9, 10)])
        self.assertEqual(Run(TINY, self.folder, 1).course(9), (9, 10))

    def test_a_phase_may_learn_at_a_lower_rate(self):
        rates = []
        for part in (1, 0.5):
            run = Run(replace(TINY, phases=(replace(TINY.phases[0], rate=part),)), self.folder / str(part), 1)
            run.learn(make_batch(self.sets, run.phase(0), 1, 0, TINY.scaling))
            rates.append(run.optimiser.param_groups[0]["lr"])
        self.assertAlmostEqual(rates[1], rates[0] / 2)

    def test_resumes_where_it_stopped(self):
        progress = self.enterContext(contextlib.redirect_stderr(io.StringIO()))
        straight = Run(TINY, self.folder / "straight", seed=1)
        train(straight, self.sets, until=10)
        train(Run(TINY, self.folder / "broken", seed=1), self.sets, until=4)
        resumed = Run(TINY, self.folder / "broken", seed=1)
        self.assertEqual(resumed.step, 4)
        train(resumed, self.sets, until=10)
        for name, weight in straight.average.state_dict().items():
            torch.testing.assert_close(weight, resumed.average.state_dict()[name], msg=name)
        self.assertIn("10/10", progress.getvalue())
        self.assertGreater((self.folder / "broken" / "loss.png").stat().st_size, 5000)
        self.assertEqual(len((self.folder / "broken" / "loss.csv").read_text().splitlines()), 11)

    def test_ships_the_mean_of_the_steps_that_are_named(self):
        self.enterContext(contextlib.redirect_stderr(io.StringIO()))
        recipe = replace(TINY, averaged=(3, 6))
        run = Run(recipe, self.folder, seed=1)
        train(run, self.sets, until=3)
        third = {name: value.clone() for name, value in run.average.state_dict().items()}
        train(run, self.sets, until=6)
        mean = shipped(recipe, self.folder)
        for name, sixth in run.average.state_dict().items():
            if sixth.is_floating_point():
                torch.testing.assert_close(mean[name], (third[name] + sixth) / 2, msg=name)
        for name, value in shipped(TINY, self.folder).items():
            self.assertTrue(torch.equal(value, run.average.state_dict()[name]), name)

    def test_processes_make_the_same_batches_as_a_thread(self):
        run = Run(TINY, self.folder, seed=1)
        for one, other in zip(run.batches(self.sets, 4, makers=1), run.batches(self.sets, 4, makers=2), strict=True):
            for first, second in zip(one, other, strict=True):
                self.assertTrue(torch.equal(first, second))

    def test_learns_one_picture(self):
        run = Run(replace(TINY, phases=(Phase(1000, 64, 1, (1, 1), {}),)), self.folder, seed=2)
        pair = next(p for p in (synth.spheroids(seed, 64) for seed in range(20)) if 0.1 < (p.mask > 0).mean() < 0.5)
        grey, target = (torch.from_numpy(layer.astype(np.float32))[None, None] for layer in (pair.image[..., 0], pair.mask / 255))
        batch = (prepare(grey, "fit"), target, torch.ones_like(target))
        losses = [run.learn(batch) for _ in range(150)]
        self.assertLess(losses[-1], 0.5 * losses[0])


class TestFlowRun(unittest.TestCase):
    RECIPE = replace(TINY, scaling="native", channels=3, outputs=("probability", "flow_y", "flow_x"), held_back=2,
                     phases=(Phase(5, 32, 2, (0.5, 2), {"nuclei": 1}, diameters=(6, 80)),))

    def setUp(self):
        labels = nuclei()
        image = np.where(labels > 0, 200, 20).astype(np.uint8)[..., None].repeat(3, axis=2)
        self.pair = Pair("nuclei", image, np.where(labels > 0, 255, 0).astype(np.uint8)[..., None],
                         Objects(labels, flow_to_middles(labels)))

    def test_is_judged_by_what_was_held_back(self):
        sets, kept = data.hold_back({"nuclei": [[self.pair, self.pair]]}, self.RECIPE.held_back)
        self.assertEqual(len(kept), 1)
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(contextlib.redirect_stderr(io.StringIO()))
        with mock.patch.object(train_module, "JUDGE_EVERY", 2):
            train(Run(self.RECIPE, folder, seed=1), sets, until=5, kept=kept)
        rows = (folder / "curve.csv").read_text().splitlines()
        self.assertEqual([row.split(",")[0] for row in rows], ["step", "2", "4", "5"])

    def test_learns_flows(self):
        run = Run(replace(self.RECIPE, phases=(Phase(1000, 96, 1, (1, 1), {}),)), Path(self.enterContext(tempfile.TemporaryDirectory())), seed=2)
        batch = make_batch({"nuclei": [[self.pair]]}, Phase(1, 96, 2, (1, 1), {"nuclei": 1}), 1, 0, "native")
        losses = [run.learn(batch) for _ in range(120)]
        self.assertLess(losses[-1], 0.6 * losses[0])

    def test_crops_are_scaled_by_the_size_of_objects(self):
        phase = self.RECIPE.phases[0]
        diameter = self.pair.objects.diameter  # 29 pixels
        self.assertEqual(zoom(phase, self.pair), (0.5, 2))
        self.assertEqual(zoom(replace(phase, zoom=(0.01, 9)), self.pair), (6 / diameter, 80 / diameter))
        empty = replace(self.pair, objects=Objects(np.zeros((9, 9), np.int32), np.zeros((9, 9, 2), np.int8)))
        for pair in (empty, replace(self.pair, objects=None)):
            self.assertEqual(zoom(phase, pair), phase.zoom)


class TestRecipes(unittest.TestCase):
    def test_phases_fit_the_networks_and_the_sets(self):
        for recipe in RECIPES.values():
            run = Run(replace(recipe, pretrained=False), Path(self.enterContext(tempfile.TemporaryDirectory())), seed=0)
            for phase in recipe.phases:
                self.assertEqual(phase.crop % run.network.multiple, 0)
                self.assertEqual(recipe.side % run.network.multiple, 0)
                self.assertLessEqual(set(phase.mix), set(data.TRAINING) | {"synthetic"})

    def test_no_image_is_learnt_from_and_judged_on(self):
        for learnt in data.TRAINING.values():
            for kept in data.VALIDATION.values():
                if learnt.folder == kept.folder:
                    for prefix in kept.prefixes:
                        self.assertFalse(prefix.startswith(learnt.prefixes), prefix)
                        self.assertFalse(any(other.startswith(prefix) for other in learnt.prefixes), prefix)

    def test_the_rate_rises_and_falls(self):
        rates = [schedule(step, 1000) for step in range(1000)]
        self.assertEqual(np.argmax(rates), 99)
        self.assertGreater(min(rates), 0)


class TestLoss(unittest.TestCase):
    def test_knows_right_from_wrong(self):
        target = (torch.arange(64 * 64).reshape(1, 1, 64, 64) % 64 < 20).float()
        everywhere = torch.ones_like(target)
        self.assertLess(overlap_loss(20 * (target - 0.5), target, everywhere).item(), 0.05)
        self.assertGreater(overlap_loss(20 * (0.5 - target), target, everywhere).item(), 5)

    def test_does_not_look_where_the_weight_is_zero(self):
        target, weight = torch.zeros(1, 1, 32, 32), torch.ones(1, 1, 32, 32)
        logits = torch.full_like(target, -10)
        weight[..., 16:] = 0
        spoilt = torch.where(weight > 0, logits, torch.full_like(logits, 10))
        torch.testing.assert_close(overlap_loss(logits, target, weight), overlap_loss(spoilt, target, weight))


if __name__ == "__main__":
    unittest.main()
