"""Objects from flows: the plain reference of what the hub's `models/mask` does in Go, bit by bit.

After Stringer et al. 2021 (Nature Methods 18, "Cellpose"): a pixel belongs to the object at whose middle it ends when
it follows the flow. Cellpose follows each pixel to its end. Here each is followed for three short steps only, to
another pixel; where that one leads has then been found already, so that doubling the way a few times finds every end.
All of it is whole numbers, so that two programs agree on each pixel.
"""

import numpy as np
from scipy import ndimage

from .flows import neighbours

STEPS = 3               # that are followed from a pixel, of STRIDE pixels where the flow has its full length
STRIDE = 0.7
ONE = 1 << 16           # a pixel
# What a step is for each unit of a flow, whose full length is 127.
SCALE = round(STRIDE * ONE / 127)
DOUBLINGS = 6           # 2^6 hops of 2.1 pixels: the middle of an object is no farther
REACH = 1               # pixels around an end that are of its middle; middles that touch are one
CONNECTED = np.ones((3, 3), int)  # at edges and corners
CRUMB = 5               # times as large as a crumb, at least, is the part that it belongs to


def objects(outputs: np.ndarray, threshold: float, min_area: int = 0) -> np.ndarray:
    """int32 [H, W], 0 = background, numbered from 1 in reading order, of uint8 [H, W, 3]: probability, 255 = certainly,
    and flow down and right, 128 = none. Holes are filled, and what is smaller than min_area pixels is left out."""
    inside = ndimage.binary_fill_holes(outputs[..., 0] >= threshold * 255)
    ends = last(hops(outputs[..., 1:].astype(np.int32) - 128, inside))
    pixels = np.flatnonzero(inside)
    gathered = np.zeros(inside.size, bool)
    gathered[ends[pixels]] = True
    near = ndimage.maximum_filter(gathered.reshape(inside.shape), 2 * REACH + 1) & inside
    middle, _ = ndimage.label(near, CONNECTED)
    labels = np.zeros(inside.size, np.int32)
    labels[pixels] = middle.ravel()[ends[pixels]]
    return in_reading_order(without_crumbs(in_reading_order(labels.reshape(inside.shape), 0)), min_area)


def in_reading_order(labels: np.ndarray, min_area: int) -> np.ndarray:
    """The parts of each label that are connected at edges, of so many pixels at least, numbered by their first pixels."""
    parts, count = np.zeros(labels.shape, np.int32), 0
    for label, box in enumerate(ndimage.find_objects(labels), 1):
        part, found = ndimage.label(labels[box] == label)
        parts[box] += np.where(part > 0, part + count, 0)
        count += found
    _, first, number, area = np.unique(parts, return_index=True, return_inverse=True, return_counts=True)
    kept = (area >= min_area) & (parts.ravel()[first] > 0)
    order = np.full(len(first), len(first))
    order[np.argsort(first)] = np.arange(len(first))
    rank = np.zeros(len(first), np.int32)
    rank[kept] = np.argsort(np.argsort(order[kept])) + 1
    return rank[number].reshape(labels.shape)


def without_crumbs(parts: np.ndarray) -> np.ndarray:
    """The parts, int32 [H, W] in reading order, but each that touches some that are CRUMB times as large is of the one of
    them with which it shares the most edges of pixels; of two with as many, of the first. Where a network's flow is
    unsure, some pixels end beside the middle that the others around them reach."""
    area, belongs = np.bincount(parts.ravel()), np.arange(parts.max() + 1)
    touching = []
    for axis in (0, 1):
        before, behind = (side.ravel() for side in neighbours(parts, axis))
        touching += [np.stack([before, behind]), np.stack([behind, before])]
    (part, other), length = np.unique(np.concatenate(touching, axis=1), axis=1, return_counts=True)
    crumb = (part > 0) & (other > 0) & (area[part] * CRUMB <= area[other])
    part, other, length = part[crumb], other[crumb], length[crumb]
    longest_last = np.lexsort((-other, length))
    belongs[part[longest_last]] = other[longest_last]
    while (belongs != belongs[belongs]).any():
        belongs = belongs[belongs]
    return belongs[parts].astype(np.int32)


def hops(flow: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """For each pixel the index of the one that it reaches in STEPS steps; itself outside. A step that would leave what
    is inside ends the way. flow is int32 [H, W, 2]."""
    height, width = inside.shape
    start = np.flatnonzero(inside)
    y, x = start // width * ONE, start % width * ONE
    reached, going = start.copy(), np.ones(len(start), bool)
    for _ in range(STEPS):
        down, right = between(flow, y, x)
        y = np.clip(y + (down * SCALE >> 16), 0, (height - 1) * ONE)
        x = np.clip(x + (right * SCALE >> 16), 0, (width - 1) * ONE)
        at = (y + ONE // 2 >> 16) * width + (x + ONE // 2 >> 16)
        going &= inside.ravel()[at]
        reached[going] = at[going]
    hop = np.arange(inside.size)
    hop[start] = reached
    return hop


def between(flow: np.ndarray, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The flow at places between pixels, bilinear with weights of a 256th, as integers of which ONE is a unit."""
    height, width = flow.shape[:2]
    top, left = y >> 16, x >> 16
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    low, far = y >> 8 & 255, x >> 8 & 255
    return tuple(
        (256 - low) * ((256 - far) * plane[top, left] + far * plane[top, right])
        + low * ((256 - far) * plane[bottom, left] + far * plane[bottom, right])
        for plane in (flow[..., 0], flow[..., 1]))


def last(hop: np.ndarray) -> np.ndarray:
    """Where each pixel is after 2^DOUBLINGS hops."""
    for _ in range(DOUBLINGS):
        hop = hop[hop]
    return hop
