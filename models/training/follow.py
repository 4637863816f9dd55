"""Objects from flows: the plain reference of what the hub's `models/mask` does in Go, bit by bit.

After Stringer et al. 2021 (Nature Methods 18, "Cellpose"): a pixel belongs to the object at whose middle it ends when
it follows the flow. Cellpose follows each pixel to its end. Here each is followed for three short steps only, to
another pixel; where that one leads has then been found already, so that doubling the way a few times finds every end.
All of it is whole numbers, so that two programs agree on each pixel.
"""

import numpy as np
from scipy import ndimage

STEPS = 3               # that are followed from a pixel, of STRIDE pixels where the flow has its full length
STRIDE = 0.7
ONE = 1 << 16           # a pixel
# What a step is for each unit of a flow, whose full length is 127.
SCALE = round(STRIDE * ONE / 127)
DOUBLINGS = 6           # 2^6 hops of 2.1 pixels: the middle of an object is no farther
REACH = 1               # pixels: ends that are nearer than this to others, in both axes, are one middle
FEWEST = 5              # ends that make a middle; others are noise, and go to the object beside them


def objects(outputs: np.ndarray, threshold: float) -> np.ndarray:
    """int32 [H, W], 0 = background, numbered from 1 in reading order of the middles, of uint8 [H, W, 3]: probability,
    255 = certainly, and flow down and right, 128 = none. Holes are filled."""
    inside = ndimage.binary_fill_holes(outputs[..., 0] >= threshold * 255)
    if not inside.any():
        return np.zeros(inside.shape, np.int32)
    ends = last(hops(outputs[..., 1:].astype(np.int32) - 128, inside))
    pixels = np.flatnonzero(inside)
    gathered = np.bincount(ends[pixels], minlength=inside.size).reshape(inside.shape)
    middle, count = ndimage.label(ndimage.maximum_filter(gathered > 0, 2 * REACH + 1) & inside, np.ones((3, 3)))
    weight = np.bincount(middle.ravel(), gathered.ravel(), count + 1)
    weight[0] = 0
    number = np.where(weight >= FEWEST, np.cumsum(weight >= FEWEST), 0)
    labels = np.zeros(inside.size, np.int32)
    labels[pixels] = number[middle.ravel()[ends[pixels]]]
    return labels.reshape(inside.shape)


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
