"""Writes the goldens of measures_test.go: 200 masks, and what scikit-image and OpenCV measure of them.

    python3 models/mask/testdata/measures/make.py

wants numpy, scipy, scikit-image, opencv and pillow. masks.png holds one mask in each of 20 x 10 cells; all is drawn from one seed.
"""

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scipy import ndimage
from skimage import measure

HERE = Path(__file__).parent
CELL, ACROSS, DOWN = 96, 20, 10
SQUARE = 8


def drawn(rng: np.random.Generator, kind: int) -> np.ndarray:
    """bool [CELL, CELL]: one body, connected at edges, with an empty rim."""
    ys, xs = np.mgrid[:CELL, :CELL] - CELL / 2 + 0.5
    radius = rng.uniform(3, CELL / 2 - 4)
    if kind == 0:    # a disc
        body = xs ** 2 + ys ** 2 < radius ** 2
    elif kind == 1:  # an ellipse at any angle
        angle, slim = rng.uniform(0, np.pi), rng.uniform(0.2, 1)
        u, v = np.cos(angle) * xs + np.sin(angle) * ys, np.cos(angle) * ys - np.sin(angle) * xs
        body = (u / radius) ** 2 + (v / (slim * radius)) ** 2 < 1
    elif kind == 2:  # a wavy outline, with holes
        waves = 1 + rng.uniform(0.05, 0.3) * np.sin(rng.integers(2, 9) * np.arctan2(ys, xs) + rng.uniform(0, 6))
        body = np.hypot(xs, ys) < radius * waves
        body &= ndimage.gaussian_filter(rng.standard_normal((CELL, CELL)), 2) < 0.18
    elif kind == 3:  # a ragged one
        body = ndimage.gaussian_filter(rng.standard_normal((CELL, CELL)), rng.uniform(1.5, 8)) > 0
        body &= np.hypot(xs, ys) < radius
    else:            # a rectangle
        body = (np.abs(xs) < radius) & (np.abs(ys) < rng.uniform(1, radius))
    body[[0, -1]] = body[:, [0, -1]] = False
    parts, count = ndimage.label(body)
    return parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]) if count else drawn(rng, kind)


def samples(y0: int, x0: int) -> np.ndarray:
    """The original values of a cell, two channels: the same formula as in measures_test.go."""
    ys, xs = np.mgrid[y0:y0 + CELL, x0:x0 + CELL]
    return np.stack([(7 * xs + 13 * ys) % 251 * 257, (xs * ys) % 4093], axis=2)


def meets_at_corners(body: np.ndarray) -> bool:
    a, b, c, d = body[:-1, :-1], body[:-1, 1:], body[1:, :-1], body[1:, 1:]
    return bool(((a & d & ~b & ~c) | (b & c & ~a & ~d)).any())


def as_squares(body: np.ndarray) -> dict:
    """What scikit-image says where a pixel is a square, as its polygon has it: drawn as SQUARE x SQUARE of its own pixels, which it takes for points."""
    p = measure.regionprops(np.kron(body, np.ones((SQUARE, SQUARE), np.uint8)))[0]
    return {"square_solidity": p.solidity, "square_feret_max": p.feret_diameter_max / SQUARE}


def measured(body: np.ndarray, y0: int, x0: int) -> dict:
    p = measure.regionprops(body.astype(np.uint8), intensity_image=samples(y0, x0))[0]
    filled = ndimage.binary_fill_holes(body)
    pixels = np.argwhere(body)[:, ::-1]
    corners = np.unique(np.concatenate([pixels + d for d in ((0, 0), (0, 1), (1, 0), (1, 1))]), axis=0).astype(np.int32)
    hull = cv2.convexHull(corners)
    (_, _), (side, other), _ = cv2.minAreaRect(hull)
    flat = hull[:, 0].astype(float)
    edges = np.roll(flat, -1, axis=0) - flat
    normals = np.stack([-edges[:, 1], edges[:, 0]], axis=1) / np.linalg.norm(edges, axis=1)[:, None]
    reach = flat @ normals.T
    values = samples(y0, x0)[body].astype(float)
    return {
        "area": int(p.area), "bbox": [int(x0 + p.bbox[1]), int(y0 + p.bbox[0]), int(p.bbox[3] - p.bbox[1]), int(p.bbox[2] - p.bbox[0])],
        "centroid": [x0 + p.centroid[1] + 0.5, y0 + p.centroid[0] + 0.5],
        "equivalent_diameter": p.equivalent_diameter_area, "extent": p.extent,
        "perimeter_crofton": measure.perimeter_crofton(np.pad(filled, 1), 4), "meets_at_corners": meets_at_corners(filled),
        "solidity": p.solidity, "feret_max": p.feret_diameter_max, **as_squares(body),
        "axis_major": p.axis_major_length, "axis_minor": p.axis_minor_length,
        "hull_area": cv2.contourArea(hull),
        "hull_feret_max": float(np.linalg.norm(flat[:, None] - flat[None], axis=2).max()),
        "hull_feret_min": float((reach.max(axis=0) - reach.min(axis=0)).min()),
        "mean_intensity": values.mean(axis=0).tolist(), "sd_intensity": values.std(axis=0).tolist(),
        "integrated_intensity": values.sum(axis=0).tolist(),
    }


def main() -> None:
    rng = np.random.default_rng(1)
    picture, goldens = np.zeros((DOWN * CELL, ACROSS * CELL), np.uint8), []
    for i in range(ACROSS * DOWN):
        y0, x0 = i // ACROSS * CELL, i % ACROSS * CELL
        body = drawn(rng, i % 5)
        picture[y0:y0 + CELL, x0:x0 + CELL] = 255 * body
        goldens.append(measured(body, y0, x0))
    Image.fromarray(picture).convert("1").save(HERE / "masks.png", optimize=True)
    lines = ",\n".join(json.dumps(golden) for golden in goldens)
    (HERE / "goldens.json").write_text("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main()
