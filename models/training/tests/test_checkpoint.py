"""Of somebody else's file the weights are read, and nothing in it runs."""

import os
import pickle
import tempfile
import unittest
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch

from ..checkpoint import Refused, read


class Bomb:
    """What makes a program of a pickle: it leaves a file behind when it is run."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


class TestRead(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "checkpoint.pth"
        self.weights = OrderedDict({"a.weight": torch.randn(3, 2, 1, 1), "a.bias": torch.zeros(3),
                                    "n.num_batches_tracked": torch.tensor(7)})

    def saved(self, contents: object) -> dict[str, torch.Tensor]:
        torch.save(contents, self.path)
        return read(self.path)

    def assert_same(self, found: dict[str, torch.Tensor]):
        self.assertEqual(list(found), list(self.weights))
        for name, value in self.weights.items():
            self.assertEqual(found[name].dtype, value.dtype)
            self.assertTrue(torch.equal(found[name], value), name)

    def refusal(self) -> str:
        with self.assertRaises(Refused) as caught:
            read(self.path)
        return str(caught.exception)

    def test_unwraps(self):
        parallel = {f"module.{name}": value for name, value in self.weights.items()}
        for contents in (self.weights, dict(self.weights), {"state_dict": self.weights}, {"model": parallel},
                         {"model_state_dict": self.weights, "epoch": 3}, {"model": {"state_dict": parallel}}):
            with self.subTest(list(contents)):
                self.assert_same(self.saved(contents))

    def test_reads_past_what_a_training_keeps_beside_them(self):
        network = torch.nn.Conv2d(2, 3, 1)
        optimiser = torch.optim.Adam(network.parameters())
        network(torch.zeros(1, 2, 4, 4)).sum().backward()
        optimiser.step()
        self.assert_same(self.saved({
            "model_state_dict": self.weights, "optimizer_state_dict": optimiser.state_dict(), "iou": np.float64(0.9),
            "history": [np.zeros(3)], "folder": Path("runs"), "settings": {"device": torch.device("cpu")}}))

    def test_reads_every_kind_of_number_and_layout(self):
        base = torch.arange(24.0).reshape(4, 6)
        self.weights = {"view": base[1:3, ::2], "turned": base.t(), "half": base.half(), "bfloat": base.bfloat16(),
                        "double": base.double(), "parameter": torch.nn.Parameter(base), "scalar": torch.tensor(2.5),
                        "empty": torch.empty(0, 3)}
        self.assert_same(self.saved(self.weights))

    def test_a_program_in_it_does_not_run(self):
        mark = self.folder / "ran"
        self.assert_same(self.saved({"state_dict": self.weights, "extra": Bomb(mark)}))
        torch.save(Bomb(mark), self.path)
        self.assertIn("no state dict", self.refusal())
        torch.save({"a.weight": Bomb(mark)}, self.path)
        self.assertIn("no weights", self.refusal())
        self.path.write_bytes(pickle.dumps(Bomb(mark)))
        self.assertIn("not a PyTorch checkpoint", self.refusal())
        self.assertFalse(mark.exists())
        with zipfile.ZipFile(self.path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(Bomb(mark)))
        pickle.loads(zipfile.ZipFile(self.path).read("archive/data.pkl"))
        self.assertTrue(mark.exists(), "the test needs a bomb that goes off where nobody is careful")

    def test_refuses_what_is_no_checkpoint(self):
        self.path.write_text("accuracy: 0.9")
        self.assertIn("not a PyTorch checkpoint", self.refusal())
        torch.save(self.weights, self.path, _use_new_zipfile_serialization=False)
        self.assertIn("PyTorch before 1.6", self.refusal())
        with zipfile.ZipFile(self.path, "w") as archive:
            archive.writestr("readme.txt", "hello")
        self.assertIn("not one that torch.save writes", self.refusal())
        torch.jit.save(torch.jit.script(torch.nn.ReLU()), str(self.path))
        self.assertIn("TorchScript", self.refusal())
        torch.save(torch.nn.Conv2d(2, 3, 1), self.path)
        self.assertIn("save its state_dict() instead", self.refusal())
        torch.save([1, 2], self.path)
        self.assertIn("no state dict", self.refusal())

    def test_refuses_a_file_that_is_cut_off_or_lies(self):
        torch.save(self.weights, self.path)
        whole = self.path.read_bytes()
        self.path.write_bytes(whole[: len(whole) // 2])
        self.assertIn("not a PyTorch checkpoint", self.refusal())
        self.path.write_bytes(whole)
        with zipfile.ZipFile(self.path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        for cut in ("/data.pkl", "/data/0"):
            with self.subTest(cut), zipfile.ZipFile(self.path, "w") as archive:
                for name, part in parts.items():
                    archive.writestr(name, part[:8] if name.endswith(cut) else part)
            self.assertTrue(self.refusal())

    def test_a_tensor_cannot_be_larger_than_its_numbers(self):
        torch.save({"a.weight": torch.zeros(1).expand(1 << 40)}, self.path)
        self.assertIn("has only 1 of them in the file", self.refusal())


if __name__ == "__main__":
    unittest.main()
