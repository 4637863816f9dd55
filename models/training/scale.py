"""The scale of an image, by the size of its objects: the plain reference of the hub's `models.Cutter.ScaleTo`.

A model that knows a diameter looks at a tile of the image at half its size, then coarser as long as the tile shows too
little of it or a finer look may have taken parts of large objects for objects, and at its own size where all were too
small to be told apart. An image whose median diameter lies outside of the model's range is scaled to the best, or nearly,
where that makes fewer tiles.
"""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from . import follow, images
from .flows import median_diameter

COARSEST, FINEST = 1 / 16, 4.0  # the utmost that an image is scaled by
NEAR_BEST = 0.8     # of the best diameter: as good, and often fewer tiles
TOLD_APART = 1 / 3  # of the best diameter: what is smaller than that may be several in one
IN_PARTS = 1 / 2    # of the greatest diameter: what is larger than that may be one of several in a larger one
FEW = 3             # objects at least tell a diameter
LEAST = 12          # square pixels of an object in a look
ALONG = 3           # tiles along an axis that are compared for one look, at most

Run = Callable[[np.ndarray], np.ndarray]  # the outputs of a tile, uint8 [side, side, values]


def factor(spec: dict, image: np.ndarray, run: Run) -> float:
    """What the sides of an image, uint8 [H, W, channels], are scaled by; 1 for a model that takes any size."""
    known = spec.get("diameter")
    diameter = find(spec, image, run) if known else 0
    if diameter == 0 or known["least"] <= diameter <= known["most"]:
        return 1.0
    least = max(NEAR_BEST * known["best"], known["least"])
    best, least = (min(max(wanted / diameter, COARSEST), FINEST) for wanted in (known["best"], least))
    return max(least, min(best, *(filling(axis, spec["input"]["height"], least) for axis in image.shape[:2])))


def filling(axis: int, side: int, factor: float) -> float:
    """The largest factor that needs no more tiles along an axis than that does."""
    return images.longest(images.tiles_along(scaled_side(axis, factor), side), side) / axis


def find(spec: dict, image: np.ndarray, run: Run) -> float:
    """The median diameter of the objects in pixels of the image; 0 where there are few or none."""
    known, diameter, at = spec["diameter"], 0.0, 1 / 2
    while at >= COARSEST:
        seen, more = look(spec, scaled(image, at), run)
        if seen >= TOLD_APART * known["best"]:
            diameter = seen / at
        elif diameter > 0:
            break  # the look before was fine enough
        if not (seen == 0 and more) and seen <= IN_PARTS * known["most"]:
            break
        at /= 2
    return diameter or look(spec, image, run)[0]


def look(spec: dict, image: np.ndarray, run: Run) -> tuple[float, bool]:
    """The median diameter of the objects that are whole in the busiest of some tiles, 0 of few; and whether there are more tiles."""
    side = spec["input"]["height"]
    rows, columns = images.spans(image.shape[0], side), images.spans(image.shape[1], side)
    tiles = [images.continued(image[row.start:, column.start:], side) for row in spread(rows) for column in spread(columns)]
    busiest = max(tiles, key=lambda tile: np.abs(np.diff(tile.reshape(-1, tile.shape[2]).astype(int), axis=0)).sum())
    found = objects(spec, run(busiest)[: image.shape[0], : image.shape[1]])
    more = len(rows) * len(columns) > 1
    whole = np.where(np.isin(found, edge(found)), 0, found)
    if count(whole) < FEW and not more:
        whole = found  # there are no others
    return (median_diameter(whole) if count(whole) >= FEW else 0.0), more


def objects(spec: dict, outputs: np.ndarray) -> np.ndarray:
    """Labels of what a look shows."""
    if outputs.shape[2] == 3:
        return follow.objects(outputs, spec["threshold"], LEAST)
    inside = ndimage.binary_fill_holes(outputs[..., 0] >= spec["threshold"] * 255)
    return follow.in_reading_order(ndimage.label(inside)[0], LEAST)


def scaled_side(axis: int, by: float) -> int:
    return max(1, int(axis * by + 0.5))


def scaled(image: np.ndarray, by: float) -> np.ndarray:
    height, width = (scaled_side(axis, by) for axis in image.shape[:2])
    return images.resize(image, width, height)


def spread(tiles: list) -> list:
    """Up to ALONG of them, evenly."""
    some = min(ALONG, len(tiles))
    return [tiles[(2 * i + 1) * len(tiles) // (2 * some)] for i in range(some)]


def edge(labels: np.ndarray) -> np.ndarray:
    return np.unique(np.concatenate((labels[0], labels[-1], labels[:, 0], labels[:, -1])))


def count(labels: np.ndarray) -> int:
    return len(np.unique(labels[labels > 0]))
