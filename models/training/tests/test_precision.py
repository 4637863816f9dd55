"""A converted model does what its parent does, in coarser numbers, and still says what it is."""

import contextlib
import io
import json
import tempfile
import unittest
from collections import Counter
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import onnx
from onnx import TensorProto
from PIL import Image

from .. import data, export, precision
from ..evaluate import read_spec, session
from ..metrics import dice_and_iou
from ..recipes import Phase, Recipe
from .test_export import SMALL, lively


def picture(recipe: Recipe, seed: int) -> np.ndarray:
    """uint8 [side, side, channels]: a bright and a dark disc on a ground that is noisy and falls off."""
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[: recipe.side, : recipe.side]
    grey = 120 + 0.5 * xs + rng.normal(0, 6, xs.shape)
    for level in (90, -90):
        x, y, radius = rng.uniform(10, recipe.side - 10, 2).tolist() + [rng.uniform(8, 16)]
        grey[(xs - x) ** 2 + (ys - y) ** 2 < radius ** 2] += level
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], recipe.channels, axis=2)


def operators(model: onnx.ModelProto) -> Counter:
    return Counter(node.op_type for node in model.graph.node)


class TestPrecision(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.output = io.StringIO()  # ONNX Runtime tells of its calibration
        self.enterContext(contextlib.redirect_stdout(self.output))

    def exported(self, recipe: Recipe) -> Path:
        path = self.folder / f"{recipe.id}.onnx"
        export.write_graph(recipe, lively(recipe), path)
        export.write_spec(path, export.spec(recipe, [], {}))
        return path

    def assert_close(self, recipe: Recipe, parent: Path, model: onnx.ModelProto, dice: float) -> None:
        path = self.folder / "variant.onnx"
        onnx.save(model, str(path))
        onnx.checker.check_model(model, full_check=True)
        seen = np.stack([picture(recipe, seed) for seed in (100, 101)])
        wanted, found = (session(file).run(None, {"image": seen}) for file in (parent, path))
        self.assertEqual(len(wanted), len(found))
        for one, other in zip(wanted, found):
            self.assertEqual((other.shape, other.dtype), (one.shape, np.uint8))
            self.assertTrue(0.02 < (one > 127).mean() < 0.98, "the test needs masks that are neither empty nor full")
            self.assertGreater(dice_and_iou(other > 127, one > 127)[0], dice)
        self.assertEqual([entry.key for entry in model.metadata_props], ["seghub.spec"])

    def test_float16_is_nearly_the_parent(self):
        for recipe in SMALL:
            with self.subTest(recipe.id, norm=recipe.options["norm"]):
                parent = self.exported(recipe)
                before = onnx.load(str(parent))
                model = precision.float16(onnx.load(str(parent)))
                convolutions = [node for node in model.graph.node if node.op_type in ("Conv", "ConvTranspose")]
                types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
                self.assertEqual({types[name] for node in convolutions for name in node.input[1:]}, {TensorProto.FLOAT16})
                self.assertEqual([*model.graph.input, *model.graph.output], [*before.graph.input, *before.graph.output])
                # On the way in and on the way out. (Instance normalisation has nodes on weights alone; ONNX Runtime folds those.)
                if recipe.options["norm"] == "batch":
                    self.assertLessEqual(operators(model)["Cast"] - operators(before)["Cast"], 4)
                self.assert_close(recipe, parent, model, 0.995)

    def test_float16_sums_a_bright_picture(self):
        """The squares of 255 levels, and the sum of 64 x 64 of them, are beyond a float16."""
        recipe = SMALL[0]
        parent = self.exported(recipe)
        onnx.save(precision.float16(onnx.load(str(parent))), str(self.folder / "half.onnx"))
        seen = np.zeros((1, 64, 64, 1), np.uint8)
        seen[:, :, 20:] = 255
        (wanted,), (found,) = (session(path).run(None, {"image": seen}) for path in (parent, self.folder / "half.onnx"))
        self.assertGreater(np.ptp(wanted), 20, "the test needs an output that depends on the picture")
        self.assertLessEqual(np.abs(found.astype(int) - wanted).max(), 3)

    def test_int8_is_like_the_parent(self):
        for recipe in SMALL:
            if recipe.options["norm"] == "instance":
                continue  # nothing is shipped with it, and its layers stay in float32
            with self.subTest(recipe.id):
                parent = self.exported(recipe)
                before = onnx.load(str(parent)).graph
                # Two convolutions may share theirs.
                weights = len({node.input[1] for node in before.node if node.op_type == "Conv"})
                transposed = sum(node.op_type == "ConvTranspose" for node in before.node)
                model = precision.int8(onnx.load(str(parent)), [picture(recipe, seed) for seed in range(12)])
                types = Counter(tensor.data_type for tensor in model.graph.initializer if len(tensor.dims) == 4)
                # The first and the last convolution alone have weights of float32.
                self.assertEqual(types, {TensorProto.INT8: weights - 2, TensorProto.FLOAT: 2 + transposed})
                scales = {tensor.name: tensor for tensor in model.graph.initializer if tensor.name.endswith("_scale")}
                self.assertGreater(max(np.prod(tensor.dims) for tensor in scales.values()), 1, "one scale for all channels")
                self.assert_close(recipe, parent, model, 0.93)

    def test_ends_are_told_by_the_graph(self):
        model = onnx.load(str(self.exported(SMALL[0])))
        ends = precision.at_the_ends(model)
        convolutions = [node.name for node in model.graph.node if node.op_type == "Conv"]
        self.assertEqual([node.name for node in ends if node.op_type == "Conv"], [convolutions[0], convolutions[-1]])
        kinds = {node.op_type for node in ends}
        self.assertLessEqual({"Sqrt", "ReduceMean", "Sigmoid", "Concat", "Resize"}, kinds)
        self.assertTrue(kinds.isdisjoint({"Relu", "MaxPool"}))

    def test_calibrates_on_what_was_learnt_from(self):
        real = {"nuclei": 1, "dic_cells": 1}
        for scaling, channels, mix in (("fit", 1, {**real, "synthetic": 1}), ("native", 3, real)):
            recipe = replace(SMALL[0], scaling=scaling, channels=channels, phases=(Phase(1, 64, 1, (1, 1), mix),))
            for name, level in (("cho01", 60), ("cho33", 200), ("a", 90)):
                images = self.folder / ("nuclei_train" if name == "a" else "dic_cells") / "images"
                images.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.full((30, 90), level, np.uint8)).save(images / f"{name}.png")
            with mock.patch.object(precision, "CALIBRATING", 2):
                pictures = precision.calibrating(recipe, self.folder)
            self.assertEqual({one.shape for one in pictures}, {(64, 64, channels)})
            self.assertEqual({one.dtype for one in pictures}, {np.dtype(np.uint8)})
            # One of each real set, none of which is for validation, and two synthetic.
            self.assertEqual(len(pictures), 4 if "synthetic" in mix else 2)
            levels = [int(np.median(one)) for one in pictures[:2]]
            self.assertEqual(levels, [60, 90] if scaling == "fit" else [0, 0], scaling)


class TestVariant(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def export(self, *arguments: str) -> str:
        """What the command complains of; nothing when it is content."""
        complaint = io.StringIO()
        with mock.patch("sys.argv", ["export", *arguments]), contextlib.redirect_stderr(complaint), \
                contextlib.redirect_stdout(io.StringIO()):
            try:
                export.main()
            except SystemExit:
                return complaint.getvalue()
        return ""

    def test_has_a_spec_of_its_own(self):
        recipe, scores = SMALL[0], {"some": {"dice": 0.5, "iou": 0.4}}
        parent = self.folder / f"{recipe.id}.onnx"
        export.write_graph(recipe, lively(recipe), parent)
        learnt = [{"name": "a", "licence": "b", "images": 1}]
        export.write_spec(parent, export.spec(recipe, learnt, {"some": {"dice": 0.9, "iou": 0.8}}))
        pictures = [picture(recipe, seed) for seed in range(3)]
        with mock.patch.object(export, "WEIGHTS", self.folder), mock.patch.object(export, "RUNS", self.folder / "runs"), \
                mock.patch.object(export, "evaluate", return_value=(scores, {})), \
                mock.patch.object(precision, "calibrating", return_value=pictures), \
                mock.patch.dict(export.RECIPES, unet_spherohq=recipe):
            for kind in ("fp16", "int8"):
                self.assertEqual(self.export("unet_spherohq", "--data", str(self.folder), f"--{kind}"), "")
                out = self.folder / "runs" / f"unet_spherohq_{kind}.onnx"
                self.assertLess(out.stat().st_size, parent.stat().st_size)
                wanted = {**export.spec(recipe, learnt, scores), "id": f"unet_spherohq_{kind}",
                          "title": f"{recipe.title}, {kind}", "precision": kind}
                self.assertEqual(read_spec(session(out)), wanted)
                json.dumps(wanted)

    def test_is_of_a_trained_model(self):
        random = ("hrnet", "--random-weights", "--out", str(self.folder / "a.onnx"))
        self.assertIn("--int8 is of a model that was trained", self.export(*random, "--int8"))
        self.assertIn("--data is needed", self.export("hrnet", "--int8"))
        self.assertIn("not allowed with", self.export("hrnet", "--int8", "--fp16"))


if __name__ == "__main__":
    unittest.main()
