"""An exported file computes what the PyTorch network computes, and says what it is."""

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
import onnx
import torch

from .. import export
from ..architectures import build
from ..architectures.preparation import CHANNELS, prepare, standardise
from ..evaluate import predict, session
from ..recipes import RECIPES


def lively_network() -> torch.nn.Module:
    """An untrained network whose running statistics are not those that it was born with."""
    torch.manual_seed(3)
    network = build("unet", width=4)
    network.train()
    for _ in range(20):
        network(torch.randn(4, CHANNELS, 64, 64) * 2 + 1)
    network.eval()
    # Logits around 0, a few wide, so that no probability is saturated and rounding hides nothing.
    with torch.no_grad():
        logits = network(torch.randn(4, CHANNELS, 64, 64))
        network.head.weight *= 2 / logits.std()
        network.head.bias -= network(torch.randn(4, CHANNELS, 64, 64)).mean()
    return network


class TestExport(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "model.onnx"
        self.network = lively_network()
        export.write_graph(self.network, 64, self.path)

    def test_equals_pytorch(self):
        model = session(self.path)
        rng = np.random.default_rng(0)
        for batch in (1, 3):
            image = rng.integers(0, 256, (batch, 64, 64, 1), dtype=np.uint8)
            image[0] //= 8  # a dim one
            (found,) = model.run(None, {"image": image})
            with torch.no_grad():
                grey = torch.from_numpy(image).permute(0, 3, 1, 2).float()
                wanted = torch.sigmoid(self.network(prepare(grey))).permute(0, 2, 3, 1).numpy()
            self.assertEqual((found.shape, found.dtype), (image.shape, np.uint8))
            self.assertGreater(wanted.max() - wanted.min(), 0.5, "the test needs probabilities that differ")
            # Half a grey level is lost to rounding; the rest must agree to 1e-3.
            self.assertLess(np.abs(found / 255.0 - wanted).max(), 0.5 / 255 + 1e-3)

    def test_normalisation_is_folded_away(self):
        model = onnx.load(str(self.path))
        self.assertEqual(model.opset_import[0].version, export.OPSET)
        self.assertNotIn("BatchNormalization", {node.op_type for node in model.graph.node})

    def test_only_the_batch_is_dynamic(self):
        graph = onnx.load(str(self.path)).graph
        for value, name in ((graph.input[0], "image"), (graph.output[0], "probability")):
            shape = [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
            self.assertEqual((value.name, shape), (name, ["N", 64, 64, 1]))
            self.assertEqual(value.type.tensor_type.elem_type, onnx.TensorProto.UINT8)

    def test_carries_its_spec(self):
        contents = export.spec(RECIPES["unet_spherohq"], [{"name": "a", "licence": "b", "images": 1}], {})
        export.write_spec(self.path, {"old": True})
        export.write_spec(self.path, contents)
        (entry,) = onnx.load(str(self.path)).metadata_props
        self.assertEqual(entry.key, "seghub.spec")
        self.assertEqual(json.loads(entry.value), contents)
        batch = contents["batch"]
        self.assertLessEqual(max(batch["alone"], batch["shared"]), batch["max"])

    def test_predicts_at_the_size_of_the_image(self):
        probability = predict(session(self.path), np.zeros((50, 130), np.uint8), 64)
        self.assertEqual((probability.shape, probability.dtype), ((50, 130), np.uint8))


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
