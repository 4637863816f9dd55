"""Pictures of what a model does well and badly: the best, the median and the worst of each validation set.

    python3 -m models.training.gallery models/weights/unet_spherohq.onnx --data ../shared/data --out models/training/runs/gallery

One PNG a set, one image a row: image, truth, mask, error (green right, red too much, blue missed).
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from .evaluate import Scored, evaluate, read_spec, session
from .images import stretch

CELL = 320  # pixels
RIGHT, TOO_MUCH, MISSED = (60, 200, 90), (230, 60, 50), (60, 110, 250)


def chosen(scored: list[Scored], each: int = 3) -> list[Scored]:
    """The best, the middle and the worst, `each` of them, best first; all where there are not so many."""
    ranked = sorted(scored, key=lambda item: item.dice, reverse=True)
    if len(ranked) <= 3 * each:
        return ranked
    middle = (len(ranked) - each) // 2
    return ranked[:each] + ranked[middle : middle + each] + ranked[-each:]


def row(item: Scored, threshold: float) -> Image.Image:
    """Image, truth, mask and error beside each other, with the name and the scores."""
    truth, found = item.pair.mask > 127, item.probability >= threshold * 255
    # Fluorescence is dim: what is shown, and only that, is stretched.
    shown = np.broadcast_to(stretch(item.pair.image), (*truth.shape, 3)).astype(np.uint8)
    panels = [shown, np.where(truth, 255, 0).astype(np.uint8), np.where(found, 255, 0).astype(np.uint8),
              error(shown, truth, found)]
    out = Image.new("RGB", (CELL * len(panels), CELL))
    for number, panel in enumerate(panels):
        picture = Image.fromarray(panel).convert("RGB")
        picture.thumbnail((CELL - 4, CELL - 4))
        out.paste(picture, (number * CELL, 0))
    ImageDraw.Draw(out).text((4, CELL - 14), f"{item.pair.name}  Dice {item.dice:.3f}  IoU {item.iou:.3f}", fill="yellow")
    return out


def error(shown: np.ndarray, truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3]: the image, uint8 [H, W, 3], darkened, with right, superfluous and missed pixels in colour."""
    out = (shown * 0.6).astype(np.uint8)
    for where, colour in ((truth & found, RIGHT), (found & ~truth, TOO_MUCH), (truth & ~found, MISSED)):
        out[where] = (0.5 * out[where] + 0.5 * np.array(colour)).astype(np.uint8)
    return out


def sheet(scored: list[Scored], threshold: float) -> Image.Image:
    """The rows of a set, one below the other."""
    rows = [row(item, threshold) for item in chosen(scored)]
    out = Image.new("RGB", (rows[0].width, CELL * len(rows)))
    for number, picture in enumerate(rows):
        out.paste(picture, (0, number * CELL))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the best, median and worst validation images.")
    parser.add_argument("model", type=Path, help="an .onnx file")
    parser.add_argument("--data", type=Path, required=True, help="the folder with the sets")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    arguments = parser.parse_args()

    model = session(arguments.model)
    spec = read_spec(model)
    arguments.out.mkdir(parents=True, exist_ok=True)
    _, scored = evaluate(model, spec, arguments.data)
    for name, of_set in scored.items():
        sheet(of_set, spec["threshold"]).save(arguments.out / f"{name}.png")


if __name__ == "__main__":
    main()
