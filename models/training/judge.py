"""Judges a network in training by images that were held back from it: the curve that tells when it has learnt enough."""

import csv
from pathlib import Path

import numpy as np
import torch

from . import follow, images
from .architectures.outputs import as_bytes
from .architectures.preparation import prepare
from .images import Pair
from .metrics import dice_and_iou, match
from .recipes import Recipe

KINDS = ("fluorescence", "tissue")


def judge(network: torch.nn.Module, recipe: Recipe, kept: list[Pair], device: torch.device) -> dict[str, float]:
    """Means over the images of each kind at their own scale: Dice, and F1 at an IoU of 0.5 and of 0.7."""
    scores = {kind: [] for kind in KINDS}
    for pair in kept:
        outputs = predict(network, recipe, pair.image, device)
        found = follow.objects(outputs, recipe.threshold, recipe.min_area)
        dice, _ = dice_and_iou(found > 0, pair.mask > 127)
        scores[kind(pair.image)].append((dice, match(found, pair.objects.labels, 0.5), match(found, pair.objects.labels, 0.7)))
    return {f"{name}_{score}": round(float(np.mean(column)), 4)
            for name, rows in scores.items() if rows
            for score, column in zip(("dice", "f1_50", "f1_70"), zip(*rows))}


@torch.no_grad()
def predict(network: torch.nn.Module, recipe: Recipe, image: np.ndarray, device: torch.device) -> np.ndarray:
    """uint8 [H, W, outputs] of uint8 [H, W, channels], the whole image at once, as the exported graph gives it."""
    height, width = image.shape[:2]
    multiple = network.multiple
    seen = np.rint(images.stretch(image))
    seen = np.pad(seen, ((0, -height % multiple), (0, -width % multiple), (0, 0)), mode="edge")
    seen = torch.from_numpy(seen.astype(np.float32)).permute(2, 0, 1)[None].to(device)
    outputs = as_bytes(network.eval()(prepare(seen, recipe.scaling)), recipe.objects)
    return outputs[0, :, :height, :width].permute(1, 2, 0).cpu().numpy()


def kind(image: np.ndarray) -> str:
    """What the image shows, by its colours: stained tissue, or grey fluorescence and the few grey of transmitted light."""
    return "tissue" if image.shape[2] == 3 and np.ptp(image.astype(np.int16), axis=2).max() > 30 else "fluorescence"


def note(curve: Path, step: int, scores: dict[str, float]) -> None:
    """Adds a row to the curve; rows of later steps, which a killed run may have left, go."""
    rows = []
    if curve.exists():
        with curve.open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if int(row["step"]) < step]
    with curve.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["step", *scores])
        writer.writeheader()
        writer.writerows([*rows, {"step": step, **scores}])
