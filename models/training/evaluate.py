"""Scores an exported model on images that it never saw, each at its own size.

    python3 -m models.training.evaluate models/weights/unet_spherohq.onnx --data ../shared/data

Runs the file with ONNX Runtime: what is scored is what is shipped.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from . import data, images
from .images import Pair
from .metrics import dice_and_iou

SPEC_KEY = "seghub.spec"  # in the ONNX metadata; the hub reads the same


@dataclass(frozen=True)
class Scored:
    """One image with what the model made of it."""

    pair: Pair
    probability: np.ndarray  # uint8, of the image's size
    dice: float
    iou: float


def session(path: Path, threads: int = 2) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def read_spec(model: onnxruntime.InferenceSession) -> dict:
    """What the file says of itself."""
    return json.loads(model.get_modelmeta().custom_metadata_map[SPEC_KEY])


def predict(model: onnxruntime.InferenceSession, grey: np.ndarray, side: int) -> np.ndarray:
    """The probability map of an image, uint8 and of its size."""
    fitted, size = images.fit(grey, side)
    (probability,) = model.run(None, {"image": fitted[None, :, :, None]})
    return images.unfit(probability[0, :, :, 0], size, grey.shape[1], grey.shape[0])


def score(model: onnxruntime.InferenceSession, side: int, threshold: float, pair: Pair) -> Scored:
    probability = predict(model, pair.grey, side)
    return Scored(pair, probability, *dice_and_iou(probability >= threshold * 255, pair.mask > 127))


def evaluate(model: onnxruntime.InferenceSession, side: int, threshold: float, folder: Path
             ) -> tuple[dict, dict[str, list[Scored]]]:
    """Mean Dice and IoU over the images of each validation set, and each image's own."""
    scored = {
        name: [score(model, side, threshold, pair) for pair in source.pairs(folder)]
        for name, source in data.VALIDATION.items()
    }
    return {name: means(of_set) for name, of_set in scored.items()}, scored


def means(scored: list[Scored]) -> dict[str, float]:
    return {"dice": round(float(np.mean([s.dice for s in scored])), 4),
            "iou": round(float(np.mean([s.iou for s in scored])), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Score an exported model on the validation sets.")
    parser.add_argument("model", type=Path, help="an .onnx file")
    parser.add_argument("--data", type=Path, required=True, help="the folder with the sets")
    arguments = parser.parse_args()

    model = session(arguments.model)
    spec = read_spec(model)
    summary, scored = evaluate(model, spec["input"]["height"], spec["threshold"], arguments.data)
    for name, of_set in scored.items():
        print(f"{name}: {len(of_set)} images, Dice {summary[name]['dice']:.3f}, IoU {summary[name]['iou']:.3f}")
        for item in sorted(of_set, key=lambda s: s.dice)[:3]:
            print(f"    worst: {item.pair.name}  Dice {item.dice:.3f}  IoU {item.iou:.3f}")


if __name__ == "__main__":
    main()
