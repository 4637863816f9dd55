"""Makes a model that the hub can run of a checkpoint of the system that it replaces.

    python3 -m models.training.import_checkpoint hrnet_best_model.pth --id hrnet_old --out ~/models

Writes OUT/ID.onnx, after that file gave in ONNX Runtime what the network gives in PyTorch. What does not fit is told in
sentences, and then nothing is written and the exit status is 1.
"""

import argparse
import re
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch

from .checkpoint import Refused, read
from .evaluate import session
from .export import Shipped, write_shipped, write_spec
from .families import Imported, translate
from .recipes import RECIPES

# What the replaced system did to 0..1; the mean and the deviation of ImageNet's pixels.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# How far apart PyTorch and ONNX Runtime may be, in probability, beyond the rounding to a level of 255.
TOLERANCE = 1e-3

MODEL_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")  # as in models/read.go


def normalise(x: torch.Tensor, scale: float, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """What the network was trained on, float [N, C, H, W], of grey levels 0..255; mean and std are [C, 1, 1]."""
    return (x / scale - mean) / std


def per_channel(values: list[float], channels: int) -> torch.Tensor:
    """[channels, 1, 1] of one value for all of them or one for each."""
    if len(values) not in (1, channels):
        raise Refused(f"{len(values)} values were given for --mean or --std, the network has {channels} channels.")
    return torch.tensor(values).expand(channels).reshape(channels, 1, 1)


def spec(imported: Imported, id: str, source: str, side: int) -> dict:
    """What the hub reads from the file, under `seghub.spec`."""
    millions = sum(weight.numel() for weight in imported.network.parameters()) / 1e6
    return {
        "format": 1,
        "id": id,
        "title": f"{imported.title}, imported",
        "description": f"Imported from {source}: {millions:.1f} million weights, trained elsewhere, not scored here.",
        "input": {"height": side, "width": side, "channels": imported.channels, "scaling": "fit"},
        "outputs": ["probability"],
        "threshold": 0.5,
        "precision": "fp32",
        "batch": RECIPES[imported.recipe].batch,
        "training_data": [],
        "scores": {},
    }


def compare(path: Path, shipped: Shipped, side: int, channels: int) -> tuple[float, float]:
    """How far the file in ONNX Runtime is from PyTorch, in probability beyond rounding, and how widely that ranges.

    The picture is random: noise on blobs of many sizes, so that coarse maps have something to tell apart.
    """
    rng = np.random.default_rng(0)
    picture = sum(np.kron(rng.random((side // cell, side // cell, channels)), np.ones((cell, cell, 1)))
                  for cell in (1, 4, 16, side // 4))
    image = (picture / picture.max() * 255).astype(np.uint8)[None]
    (levels,) = session(path).run(["probability"], {"image": image})
    with torch.no_grad():
        wanted = torch.sigmoid(shipped.logits(torch.from_numpy(image))).permute(0, 2, 3, 1).numpy()
    difference = np.abs(levels / 255 - wanted).max() - 0.5 / 255
    return max(0.0, float(difference)), float(np.ptp(wanted))


def convert(source: Path, id: str, folder: Path, side: int, scale: float, mean: list[float] | None,
            std: list[float] | None) -> Path:
    """Writes the model, telling what was assumed; returns its path. Raises `Refused`, and leaves no file then."""
    if not MODEL_ID.fullmatch(id):
        raise Refused(f"The id {id!r} is not made of a-z, 0-9, _ and -, at most 64 of them.")
    imported = translate(read(source))
    if imported.channels not in (1, 3):
        raise Refused(f"The network takes images of {imported.channels} channels; the hub can make 1 and 3.")
    if side % imported.network.multiple:
        raise Refused(f"The network takes sides that are multiples of {imported.network.multiple}; {side} is not.")
    colour = imported.channels == 3
    shipped = Shipped(imported.network, partial(
        normalise, scale=scale,
        mean=per_channel(mean or list(MEAN if colour else (0.0,)), imported.channels),
        std=per_channel(std or list(STD if colour else (1.0,)), imported.channels)))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{id}.onnx"
    # The hub may be watching the folder for files that end in .onnx.
    unfinished = path.with_suffix(".unfinished")
    try:
        write_shipped(shipped, side, imported.channels, ("probability",), unfinished)
        write_spec(unfinished, spec(imported, id, source.name, side))
        difference, spread = compare(unfinished, shipped, side, imported.channels)
        print(f"{imported.title} with {imported.channels} channels, for {side} x {side} pixels.")
        print(*imported.notes, sep="\n")
        print(f"On a random picture ONNX Runtime and PyTorch differ by {difference:.1e} at most beyond rounding; "
              f"its probabilities range over {spread:.3f}.")
        if not difference <= TOLERANCE:
            raise Refused(f"That is more than {TOLERANCE:g}: the file is not the network.")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description="Import a PyTorch checkpoint of an HRNet, a CBAM-ResUNet or a U-Net.")
    parser.add_argument("checkpoint", type=Path,
                        help="a .pth file with a state dict, itself or under model_state_dict, state_dict or model")
    parser.add_argument("--id", required=True, help="what the hub will call the model")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write ID.onnx into")
    parser.add_argument("--side", type=int, choices=(512, 1024), default=1024,
                        help="the input is side x side pixels (1024, as in the replaced system)")
    parser.add_argument("--scale", type=float, default=255.0, help="the grey level that becomes 1 (255)")
    parser.add_argument("--mean", type=float, nargs="+",
                        help="subtracted then: one value, or one a channel (ImageNet's for 3 channels, 0 for 1)")
    parser.add_argument("--std", type=float, nargs="+", help="divided by then (ImageNet's for 3 channels, 1 for 1)")
    arguments = parser.parse_args()
    if arguments.scale <= 0 or any(value <= 0 for value in arguments.std or ()):
        parser.error("--scale and --std are above 0")

    try:
        print(convert(arguments.checkpoint, arguments.id, arguments.out, arguments.side, arguments.scale,
                      arguments.mean, arguments.std))
    except (Refused, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
