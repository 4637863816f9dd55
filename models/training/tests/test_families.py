"""An imported network computes what the network computes that its weights were made for, or is refused."""

import unittest

import torch

from ..checkpoint import Refused
from ..families import translate
from .references import EncoderUNet, ReplacedCBAMResUNet, ReplacedHRNet, ReplacedUNet, UsualUNet, lively

SMALL = tuple(
    (f"{make.__name__}, {kind}, {channels}", make(kind, **options), channels)
    for make, kind, channels, options in (
        (ReplacedHRNet, "instance", 3, {}),
        (ReplacedHRNet, "batch", 1, {"channels": 1, "modules": (2, 1, 1), "blocks": 1}),
        (ReplacedHRNet, "affineless", 3, {"width": 3, "narrow": 4, "modules": (1, 1, 1)}),
        (ReplacedCBAMResUNet, "instance", 3, {}),
        (ReplacedCBAMResUNet, "batch", 1, {"channels": 1, "widths": (4, 8, 16, 32)}),
        (ReplacedCBAMResUNet, "affineless", 3, {}),
        (ReplacedUNet, "instance", 3, {}),
        (ReplacedUNet, "batch", 1, {"channels": 1, "widths": (4, 8, 16, 32)}),
        (ReplacedUNet, "affineless", 3, {}),
        (UsualUNet, "batch", 1, {}),
        (UsualUNet, "batch", 1, {"bias": True}),
        (UsualUNet, "instance", 3, {"bias": True, "channels": 3}),
        (EncoderUNet, "batch", 3, {}),
    )
)


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return dict(network.state_dict())


class TestFamilies(unittest.TestCase):
    def test_computes_what_the_original_computes(self):
        for name, original, channels in SMALL:
            with self.subTest(name), torch.no_grad():
                lively(original, channels)
                imported = translate(weights(original))
                x = torch.randn(2, channels, 64, 96)
                wanted = original(x)
                self.assertEqual(imported.channels, channels)
                # Measured by how much the logits differ from place to place.
                spread = wanted.std().item()
                self.assertGreater(spread, 1e-3)
                self.assertLess((imported.network(x) - wanted).abs().max().item(), 1e-3 * spread)

    def test_tells_the_families_apart(self):
        for make, title in ((ReplacedHRNet, "HRNet"), (ReplacedCBAMResUNet, "CBAM-ResUNet"), (ReplacedUNet, "U-Net")):
            self.assertEqual(translate(weights(make())).title, title)

    def test_halves_become_floats(self):
        given = {key: value.half() for key, value in weights(ReplacedUNet()).items()}
        self.assertEqual({weight.dtype for weight in translate(given).network.parameters()}, {torch.float32})

    def test_tells_what_it_leaves_out(self):
        given = weights(ReplacedUNet())
        given["deep_outputs.0.weight"] = torch.zeros(1, 4, 1, 1)
        notes = "\n".join(translate(given).notes)
        self.assertRegex(notes, r"6 weights from downs\.1\..* were left out: that network never ran them")
        self.assertRegex(notes, r"1 weights from deep_outputs\.0\.weight on were left out")
        self.assertRegex(notes, "skip, then upsampled")

    def refusal(self, given: dict[str, torch.Tensor]) -> str:
        with self.assertRaises(Refused) as caught:
            translate(given)
        return str(caught.exception)

    def test_no_weight_can_be_missing(self):
        for make, every in ((ReplacedHRNet, 9), (ReplacedCBAMResUNet, 2), (ReplacedUNet, 1), (UsualUNet, 1),
                            (EncoderUNet, 1)):
            whole = weights(make("batch"))
            for key in list(whole)[::every]:
                if key.endswith("num_batches_tracked") or key.startswith("downs.1.") and make is ReplacedUNet:
                    continue  # no prediction needs them
                with self.subTest(make.__name__, key=key):
                    said = self.refusal({other: value for other, value in whole.items() if other != key})
                    # By its name, or by the block that lacks it.
                    self.assertIn(key.split(".")[0], said)

    def test_names_each_key_that_does_not_fit(self):
        given = weights(ReplacedHRNet())
        del given["stage3.1.branches.2.0.bn2.bias"]
        given["aux_head.0.weight"] = torch.zeros(2, 2, 1, 1)
        given["transition1.0.0.weight"] = torch.zeros(6, 31, 3, 3)
        given["layer1.1.bn3.weight"][0] = float("nan")
        said = self.refusal(given).splitlines()
        self.assertEqual(said[0], "The checkpoint looks like one of HRNet, but does not fit:")
        self.assertEqual(set(said[1:]), {
            "stage3.1.branches.2.0.bn2.bias is missing.",
            "aux_head.0.weight is left over: the network has no place for it.",
            "transition1.0.0.weight has the shape [6, 31, 3, 3], not [6, 32, 3, 3].",
            "layer1.1.bn3.weight has values that are not numbers.",
        })

    def test_refuses_every_wrong_shape(self):
        for make in (ReplacedHRNet, ReplacedCBAMResUNet, ReplacedUNet, UsualUNet, EncoderUNet):
            whole = weights(make("batch"))
            for key in list(whole)[::11]:
                if key.endswith("num_batches_tracked") or key.startswith("downs.1.") and make is ReplacedUNet:
                    continue
                with self.subTest(make.__name__, key=key):
                    self.assertIn("has the shape", self.refusal({**whole, key: torch.cat([whole[key]] * 2)}))

    def test_refuses_several_outputs(self):
        given = weights(ReplacedUNet())
        given["final_conv.weight"], given["final_conv.bias"] = torch.zeros(2, 4, 1, 1), torch.zeros(2)
        self.assertIn("final_conv.weight has the shape [2, 4, 1, 1], not [1, 4, 1, 1].", self.refusal(given))

    def test_refuses_a_u_net_without_transposed_convolutions(self):
        given = {key: value for key, value in weights(UsualUNet()).items() if ".up." not in key}
        self.assertIn("its transposed convolutions on the way up are not where", self.refusal(given))

    def test_refuses_what_may_or_may_not_be_normalised(self):
        given = weights(UsualUNet("affineless", bias=True))
        self.assertIn("nothing tells whether normalisations follow", self.refusal(given))

    def test_refuses_other_networks(self):
        self.assertIn("none of HRNet, CBAM-ResUNet and U-Net", self.refusal({"features.0.weight": torch.zeros(1)}))


if __name__ == "__main__":
    unittest.main()
