"""Flows: for each pixel of an object the direction to its middle, from which touching objects are told apart.

After Stringer et al. 2021 (Nature Methods 18, "Cellpose"): heat that enters an object at its middle, and cannot leave
it, spreads until it is everywhere; the way up the heat leads to the middle from every pixel, round corners too. Here
the spreading is a product with a sparse matrix, and the flow is kept in signed bytes.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage, sparse

UNIT = 127  # what a flow of length 1 is in bytes


@dataclass(frozen=True)
class Objects:
    """What a picture shows, object by object."""

    labels: np.ndarray  # int32 [H, W], 0 = background
    flow: np.ndarray    # int8 [H, W, 2], down and right, of length UNIT; 0 outside of objects

    @cached_property
    def diameter(self) -> float:
        """The median of the objects' diameters, each that of the circle of its area, in pixels; 0 without objects."""
        return median_diameter(self.labels)

    @cached_property
    def cut(self) -> np.ndarray:
        """The objects that the picture's edge cuts, or may have cut."""
        edges = (self.labels[0], self.labels[-1], self.labels[:, 0], self.labels[:, -1])
        found = np.unique(np.concatenate(edges))
        return found[found > 0]

    @cached_property
    def meetings(self) -> np.ndarray:
        """int32 [K, 2]: rows and columns of pixels that have a pixel of another object beside them."""
        touches = np.zeros(self.labels.shape, bool)
        for axis in (0, 1):
            before, behind = neighbours(self.labels, axis)
            differ = (before != behind) & (before > 0) & (behind > 0)
            first, second = neighbours(touches, axis)
            first |= differ
            second |= differ
        return np.argwhere(touches).astype(np.int32)


def neighbours(array: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Two views: all but the last along the axis, and all but the first."""
    array = np.moveaxis(array, axis, 0)
    return np.moveaxis(array[:-1], 0, axis), np.moveaxis(array[1:], 0, axis)


def median_diameter(labels: np.ndarray) -> float:
    """See `Objects.diameter`."""
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > 0]
    return float(np.median(2 * np.sqrt(areas / np.pi))) if len(areas) else 0.0


def flow_to_middles(labels: np.ndarray) -> np.ndarray:
    """int8 [H, W, 2] of int32 [H, W]: as in `Objects`."""
    flow = np.zeros((*labels.shape, 2), np.int8)
    if not labels.any():
        return flow
    heat = np.log1p(spread(labels))
    padded, owner = np.pad(heat, 1), np.pad(labels, 1)
    middle = (slice(1, -1), slice(1, -1))
    slopes = []
    for axis in (0, 1):
        # Where a neighbour is of another object, the pixel itself stands for it.
        sides = []
        for shift in (1, -1):
            same = np.roll(owner, shift, axis)[middle] == labels
            sides.append(np.where(same, np.roll(padded, shift, axis)[middle], heat))
        slopes.append(sides[1] - sides[0])
    length = np.hypot(*slopes)
    inside = (labels > 0) & (length > 0)
    for axis in (0, 1):
        flow[..., axis][inside] = np.rint(UNIT * slopes[axis][inside] / length[inside])
    return flow


def spread(labels: np.ndarray) -> np.ndarray:
    """float64 [H, W]: heat after each object was warmed at its middle for as many steps as reach its farthest end.

    In a step every pixel takes the mean of itself and its eight neighbours, of which those of other objects give
    nothing.
    """
    inside = np.flatnonzero(labels)
    number = np.full(labels.size, -1, np.int64)
    number[inside] = np.arange(len(inside))
    number = np.pad(number.reshape(labels.shape), 1, constant_values=-1)
    owner = np.pad(labels, 1)
    height, width = labels.shape
    rows, columns = [], []
    for down in range(3):
        for right in range(3):
            window = (slice(down, down + height), slice(right, right + width))
            linked = (owner[window] == labels) & (labels > 0)
            rows.append(number[1:-1, 1:-1][linked])
            columns.append(number[window][linked])
    rows, columns = np.concatenate(rows), np.concatenate(columns)
    step = sparse.csr_matrix((np.full(len(rows), 1 / 9), (rows, columns)), shape=(len(inside), len(inside)))

    sources, farthest = middles(labels)
    source = number[1:-1, 1:-1][sources[:, 0], sources[:, 1]]
    heat = np.zeros(len(inside))
    for _ in range(2 * farthest):
        heat[source] += 1
        heat = step @ heat
    spread_out = np.zeros(labels.shape)
    spread_out.ravel()[inside] = heat
    return spread_out


def middles(labels: np.ndarray) -> tuple[np.ndarray, int]:
    """Row and column of the pixel of each object that is nearest to the median of its pixels; and the greatest sum of
    height and width of an object."""
    places, farthest = [], 0
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        if box is None:
            continue
        pixels = np.argwhere(labels[box] == label)
        nearest = pixels[np.argmin(((pixels - np.median(pixels, axis=0)) ** 2).sum(axis=1))]
        places.append(nearest + (box[0].start, box[1].start))
        farthest = max(farthest, sum(side.stop - side.start for side in box))
    return np.array(places), farthest
