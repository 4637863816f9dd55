"""Overlap of two masks."""

import numpy as np


def dice_and_iou(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Dice coefficient and intersection over union of two boolean masks; 1 and 1 when both are empty."""
    both = np.count_nonzero(found & truth)
    total = np.count_nonzero(found) + np.count_nonzero(truth)
    if total == 0:
        return 1.0, 1.0
    return 2 * both / total, both / (total - both)
