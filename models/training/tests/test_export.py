"""An exported file computes what the PyTorch network computes, and says what it is."""

import contextlib
import io
import json
import tempfile
import unittest
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import onnx
import torch

from .. import export
from ..architectures import FULL
from ..architectures.preparation import prepare, standardise
from ..evaluate import predict, session
from ..recipes import RECIPES, Recipe
from ..train import network

# The recipes with smaller networks, and with the other normalisation; a plain U-Net is what checkpoints are imported into.
SMALL = tuple(
    replace(RECIPES[id], side=64, architecture=architecture, options={**RECIPES[id].options, **options, "norm": norm})
    for id, architecture, options in (
        ("unet_spherohq", "unet", {"width": 4, "levels": 5, "widest": 8, "stem": 2}),
        ("cbam_resunet", "cbam_resunet", {"width": 4}),
        ("hrnet", "hrnet", {"width": 3, "modules": (1, 1, 1), "blocks": 1}))
    for norm in ("batch", "instance")
) + (replace(RECIPES["unet_nuclei"], side=64),)


def lively(recipe: Recipe) -> torch.nn.Module:
    """The recipe's untrained network with running statistics that are not those that it was born with."""
    torch.manual_seed(3)
    made = network(recipe)
    picture = partial(torch.randn, 4, 2 * recipe.channels, recipe.side, recipe.side)
    made.train()
    for _ in range(20):
        made(picture() * 2 + 1)
    made.eval()
    # Logits around 0, a few wide, so that no probability is saturated and rounding hides nothing.
    with torch.no_grad():
        made.head.weight *= 2 / made(picture()).std()
        made.head.bias -= made(picture()).mean()
    return made


class TestExport(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "model.onnx"

    def test_equals_pytorch(self):
        rng = np.random.default_rng(0)
        for recipe in SMALL:
            made = lively(recipe)
            export.write_graph(recipe, made, self.path)
            for batch in (1, 3):
                with self.subTest(recipe.id, norm=recipe.options["norm"], batch=batch):
                    image = rng.integers(0, 256, (batch, 64, 64, recipe.channels), dtype=np.uint8)
                    image[0] //= 8  # a dim one
                    found = session(self.path).run(None, {"image": image})
                    with torch.no_grad():
                        seen = prepare(torch.from_numpy(image).permute(0, 3, 1, 2).float(), recipe.scaling)
                        logits = made(seen).permute(0, 2, 3, 1)
                    wanted = 255 * torch.sigmoid(logits).numpy()
                    if recipe.objects == "flow":
                        wanted[..., 1:] = 128 + 127 * np.clip(logits[..., 1:].numpy(), -1, 1)
                    self.assertGreater(np.ptp(wanted), 0.5 * 255, "the test needs values that differ")
                    values = 3 if recipe.objects == "flow" else 1
                    for output in found:
                        self.assertEqual((output.shape, output.dtype), ((batch, 64, 64, values), np.uint8))
                    # Half a level is lost to rounding; the rest must agree to 1e-3.
                    off = np.abs(np.concatenate(found, axis=3) - wanted).max()
                    self.assertLess(off, 0.5 + 255e-3)

    def test_normalisation_is_folded_away(self):
        for recipe in SMALL:
            export.write_graph(recipe, lively(recipe), self.path)
            model = onnx.load(str(self.path))
            self.assertEqual(model.opset_import[0].version, export.OPSET)
            self.assertNotIn("BatchNormalization", {node.op_type for node in model.graph.node}, recipe.id)

    def test_only_the_batch_is_dynamic(self):
        for recipe in SMALL:
            export.write_graph(recipe, network(recipe), self.path)
            graph = onnx.load(str(self.path)).graph
            wanted = [("image", recipe.channels), *((name, 3 if name == "flow" else 1) for name in recipe.tensors)]
            for value, (name, channels) in zip([*graph.input, *graph.output], wanted, strict=True):
                shape = [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
                self.assertEqual((value.name, shape), (name, ["N", 64, 64, channels]))
                self.assertEqual(value.type.tensor_type.elem_type, onnx.TensorProto.UINT8)

    def test_carries_its_spec(self):
        export.write_graph(SMALL[0], network(SMALL[0]), self.path)
        contents = export.spec(RECIPES["unet_spherohq"], [{"name": "a", "licence": "b", "images": 1}], {})
        export.write_spec(self.path, {"old": True})
        export.write_spec(self.path, contents)
        (entry,) = onnx.load(str(self.path)).metadata_props
        self.assertEqual(entry.key, "seghub.spec")
        self.assertEqual(json.loads(entry.value), contents)
        batch = contents["batch"]
        self.assertLessEqual(max(batch["alone"], batch["shared"]), batch["max"])

    def test_says_what_it_learnt_from(self):
        rows = export.learnt_from(RECIPES["unet_spherohq"], {"synthetic": 1500, "nuclei": 517, "dic_cells": 32, "spheroids": 7})
        self.assertEqual([row["images"] for row in rows], [32, 517, 7, 1500])
        self.assertEqual([row["licence"] for row in rows], ["CC BY 3.0", "CC0", "BSD-3-Clause", "of this project"])

    def test_predicts_at_the_size_of_the_image(self):
        for recipe, values in ((SMALL[0], 1), (SMALL[2], 1), (SMALL[-1], 3)):
            export.write_graph(recipe, network(recipe), self.path)
            image = np.zeros((50, 130, recipe.channels), np.uint8)
            outputs = predict(session(self.path), export.spec(recipe, [], {}), image)
            self.assertEqual((outputs.shape, outputs.dtype), ((50, 130, values), np.uint8))


class TestRandomWeights(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "model.onnx"

    def export(self, *arguments: str) -> str:
        """What the command complains of; nothing when it is content."""
        complaint = io.StringIO()
        with mock.patch("sys.argv", ["export", *arguments]), contextlib.redirect_stderr(complaint):
            try:
                export.main()
            except SystemExit:
                return complaint.getvalue()
        return ""

    def test_says_that_they_are(self):
        small = {"unet": {"width": 5, "up": "transposed"}}
        with mock.patch.object(export, "FULL", small), mock.patch.dict(export.RECIPES, unet_spherohq=SMALL[0]):
            for width, convolutions in (("compact", 0), ("full", 4)):
                arguments = ("unet_spherohq", "--width", width, "--random-weights", "--out", str(self.path))
                self.assertEqual(self.export(*arguments), "")
                model = onnx.load(str(self.path))
                contents = json.loads(model.metadata_props[0].value)
                self.assertEqual(contents["id"], f"unet_spherohq_{width}_random")
                self.assertEqual(contents["title"], f"U-Net SpheroHQ, {width}, random weights")
                self.assertEqual((contents["scores"], contents["training_data"]), ({}, []))
                self.assertEqual(sum(node.op_type == "ConvTranspose" for node in model.graph.node), convolutions)

    def test_full_takes_the_options_of_its_architecture(self):
        with mock.patch.object(export, "write_graph") as written, mock.patch.object(export, "write_spec"), \
                mock.patch.object(export, "network"):
            for id, recipe in RECIPES.items():
                export.write_random(recipe, "full", self.path)
                options = written.call_args.args[0].options
                self.assertEqual(options, {**recipe.options, **FULL[recipe.architecture]}, id)

    def test_never_goes_among_the_trained(self):
        random = ("hrnet", "--width", "full", "--random-weights")
        for out in ((), ("--out", str(export.WEIGHTS / "a.onnx"))):
            self.assertIn("needs --out, outside of models/weights", self.export(*random, *out))
        self.assertIn("--width full needs --random-weights", self.export("hrnet", "--width", "full"))
        self.assertIn("--data is needed", self.export("hrnet"))


class TestStandardise(unittest.TestCase):
    def test_each_image_by_itself(self):
        image = torch.rand(2, 1, 32, 32) * 200
        image[1] *= 0.1
        out = standardise(image)
        for one in out:
            self.assertAlmostEqual(one.mean().item(), 0, places=4)
            self.assertAlmostEqual(one.std().item(), 1, delta=0.05)

    def test_an_empty_image_stays_quiet(self):
        self.assertLess(standardise(100 + 0.1 * torch.randn(1, 1, 32, 32)).abs().max().item(), 1)


if __name__ == "__main__":
    unittest.main()
