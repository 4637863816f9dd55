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

from . import data, images, scale
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
    """What the file says of itself; the first ones did not say what they give, which was the probability."""
    return {"outputs": ["probability"], **json.loads(model.get_modelmeta().custom_metadata_map[SPEC_KEY])}


def predict(model: onnxruntime.InferenceSession, spec: dict, image: np.ndarray) -> np.ndarray:
    """The first output of an image, uint8 [H, W, values] of its size, made as the hub makes it: the probability, and in
    some models the flow."""
    side, output = spec["input"]["height"], spec["outputs"][0]
    if spec["input"]["scaling"] == "native":
        return predict_tiles(model, spec, image)
    fitted, size = images.fit(image, side)
    (values,) = model.run([output], {"image": fitted[None]})
    return images.unfit(values[0], size, image.shape[1], image.shape[0])


def predict_tiles(model: onnxruntime.InferenceSession, spec: dict, image: np.ndarray) -> np.ndarray:
    """The same at the image's own resolution, or the one that its objects want, tile by tile."""
    side, output = spec["input"]["height"], spec["outputs"][0]

    def run(tile: np.ndarray) -> np.ndarray:
        (values,) = model.run([output], {"image": tile[None]})
        return values[0]

    stretched = np.rint(images.stretch(image)).astype(np.uint8)
    seen = scale.scaled(stretched, scale.factor(spec, stretched, run))
    whole = None
    for row in images.spans(seen.shape[0], side):
        for column in images.spans(seen.shape[1], side):
            values = run(images.continued(seen[row.start :, column.start :], side))
            if whole is None:
                whole = np.empty((*seen.shape[:2], values.shape[2]), np.uint8)
            whole[row.begin : row.end, column.begin : column.end] = values[
                row.begin - row.start : row.end - row.start, column.begin - column.start : column.end - column.start]
    return images.resize(whole, image.shape[1], image.shape[0])


def score(model: onnxruntime.InferenceSession, spec: dict, pair: Pair) -> Scored:
    probability = predict(model, spec, pair.image)[..., 0]
    return Scored(pair, probability, *dice_and_iou(probability >= spec["threshold"] * 255, pair.mask > 127))


def evaluate(model: onnxruntime.InferenceSession, spec: dict, folder: Path) -> tuple[dict, dict[str, list[Scored]]]:
    """Mean Dice and IoU over the images of each validation set, and each image's own."""
    scored = {
        name: [score(model, spec, pair) for pair in source.pairs(folder, spec["input"]["channels"])]
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
    summary, scored = evaluate(model, spec, arguments.data)
    for name, of_set in scored.items():
        print(f"{name}: {len(of_set)} images, Dice {summary[name]['dice']:.3f}, IoU {summary[name]['iou']:.3f}")
        for item in sorted(of_set, key=lambda s: s.dice)[:3]:
            print(f"    worst: {item.pair.name}  Dice {item.dice:.3f}  IoU {item.iou:.3f}")


if __name__ == "__main__":
    main()
