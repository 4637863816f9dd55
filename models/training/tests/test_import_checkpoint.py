"""The command: a checkpoint goes in, a model file that says what it is comes out, or a sentence."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from .. import import_checkpoint
from ..evaluate import read_spec, session
from .references import ReplacedCBAMResUNet, ReplacedHRNet, ReplacedUNet, lively

SIDE = 512  # the smallest that the command offers


class TestImport(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.checkpoint = self.folder / "best_model.pth"
        self.out = self.folder / "models"

    def run_command(self, *arguments: str) -> tuple[int, str, str]:
        """The exit status, and what was printed and complained of."""
        out, err = io.StringIO(), io.StringIO()
        command = ["import_checkpoint", str(self.checkpoint), "--id", "old", "--out", str(self.out),
                   "--side", str(SIDE)]
        with mock.patch("sys.argv", [*command, *arguments]), contextlib.redirect_stdout(out), \
                contextlib.redirect_stderr(err):
            try:
                status = import_checkpoint.main()
            except SystemExit as stopped:
                status = stopped.code
        return status, out.getvalue(), err.getvalue()

    def save(self, network: torch.nn.Module, **beside) -> None:
        torch.save({"model_state_dict": network.state_dict(), **beside}, self.checkpoint)

    def assert_refused(self, sentence: str, *arguments: str) -> None:
        status, _, complaint = self.run_command(*arguments)
        self.assertIn(sentence, complaint)
        self.assertNotEqual(status, 0)
        self.assertFalse(self.out.exists() and list(self.out.iterdir()), "nothing is left behind")

    def test_imports_each_family(self):
        rng = np.random.default_rng(0)
        image = rng.integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
        mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
        prepared = torch.from_numpy(((image / 255 - mean) / std).transpose(0, 3, 1, 2)).float()
        for original, title, alone in ((ReplacedHRNet(width=3, narrow=4, modules=(1, 1, 1), blocks=1), "HRNet", 8),
                                       (ReplacedCBAMResUNet(widths=(2, 4)), "CBAM-ResUNet", 2),
                                       (ReplacedUNet(widths=(2, 4)), "U-Net", 4)):
            with self.subTest(title):
                self.save(lively(original, 3), epoch=3)
                status, said, complaint = self.run_command()
                self.assertEqual((status, complaint.count("fit")), (0, 0), complaint)
                self.assertIn(f"{title} with 3 channels, for 512 x 512 pixels.", said)
                self.assertRegex(said, r"differ by \d\.\de-\d\d at most beyond rounding")
                model = session(self.out / "old.onnx")
                (found,) = model.run(["probability"], {"image": image})
                with torch.no_grad():
                    wanted = original(prepared).sigmoid().permute(0, 2, 3, 1).numpy()
                self.assertEqual((found.shape, found.dtype), ((2, SIDE, SIDE, 1), np.uint8))
                self.assertLess(np.abs(found / 255 - wanted).max(), 0.5 / 255 + 1e-3)
                spec = read_spec(model)
                self.assertEqual((spec["id"], spec["title"]), ("old", f"{title}, imported"))
                self.assertEqual(spec["batch"]["alone"], alone)
                self.assertEqual(spec["input"], {"height": SIDE, "width": SIDE, "channels": 3, "scaling": "fit"})
                self.assertIn("best_model.pth", spec["description"])
                self.assertEqual([file.name for file in self.out.iterdir()], ["old.onnx"])

    def test_scales_as_it_is_told(self):
        original = lively(ReplacedUNet("batch", widths=(2, 4), channels=1), 1)
        self.save(original)
        image = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 1), dtype=np.uint8)
        for arguments, prepared in (((), image / 255), (("--mean", "0.5", "--std", "0.25"), (image / 255 - 0.5) / 0.25),
                                    (("--scale", "1", "--mean", "100", "--std", "50"), (image - 100.0) / 50)):
            with self.subTest(arguments):
                self.assertEqual(self.run_command(*arguments)[0], 0)
                (found,) = session(self.out / "old.onnx").run(None, {"image": image})
                with torch.no_grad():
                    x = torch.from_numpy(prepared.transpose(0, 3, 1, 2)).float()
                    wanted = original(x).sigmoid().permute(0, 2, 3, 1).numpy()
                self.assertLess(np.abs(found / 255 - wanted).max(), 0.5 / 255 + 1e-3)

    def test_refuses(self):
        self.assert_refused("No such file")
        self.checkpoint.write_text("no checkpoint")
        self.assert_refused("best_model.pth is not a PyTorch checkpoint")
        state = ReplacedUNet(widths=(2, 4)).state_dict()
        del state["bottleneck.double_conv.1.weight"]
        torch.save(state, self.checkpoint)
        self.assert_refused("bottleneck.double_conv.1.weight is missing.")
        self.save(ReplacedUNet(widths=(2, 4), channels=4))
        self.assert_refused("images of 4 channels")
        self.save(ReplacedUNet(widths=(2, 4)))
        self.assert_refused("'../old' is not made of", "--id", "../old")
        self.assert_refused("2 values were given for --mean or --std", "--mean", "0.5", "0.5")
        self.assert_refused("--scale and --std are above 0", "--std", "0")

    def test_refuses_a_file_that_computes_something_else(self):
        self.save(lively(ReplacedUNet(widths=(2, 4)), 3))
        whole = import_checkpoint.write_shipped

        def spoilt(shipped, *arguments):
            with torch.no_grad():
                shipped.network.head.bias.add_(1)
                whole(shipped, *arguments)
                shipped.network.head.bias.sub_(1)

        with mock.patch.object(import_checkpoint, "write_shipped", spoilt):
            self.assert_refused("the file is not the network")


if __name__ == "__main__":
    unittest.main()
