"""Overlap of two masks."""

import numpy as np


def dice_and_iou(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Dice coefficient and intersection over union of two boolean masks; 1 and 1 when both are empty."""
    both = np.count_nonzero(found & truth)
    total = np.count_nonzero(found) + np.count_nonzero(truth)
    if total == 0:
        return 1.0, 1.0
    return 2 * both / total, both / (total - both)


def match(found: np.ndarray, truth: np.ndarray, iou: float) -> float:
    """F1 of the objects of two label maps, int32 [H, W]: those are hits that share more than `iou`, at least a half, of
    their union (Caicedo et al. 2019, Nature Methods 16); 1 where there are none in both."""
    pairs, shared = np.unique(np.stack([found.ravel(), truth.ravel()]), axis=1, return_counts=True)
    area_found, area_truth = np.bincount(found.ravel()), np.bincount(truth.ravel())
    both = (pairs[0] > 0) & (pairs[1] > 0)
    union = area_found[pairs[0]] + area_truth[pairs[1]] - shared
    hits = np.count_nonzero(both & (shared > iou * union))
    total = np.count_nonzero(area_found[1:]) + np.count_nonzero(area_truth[1:])
    return 2 * hits / total if total else 1.0
