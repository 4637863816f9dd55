"""What training makes small."""

import torch
import torch.nn.functional as F

BORDER_WEIGHT = 4.0  # of a border's pixels, which are few, in the cross-entropy


def overlap_loss(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Cross-entropy plus one minus the soft Dice coefficient, over pixels of weight 1.

    logits and target are float [N, outputs, H, W]; `target` may lie between 0 and 1 where an outline cuts a pixel;
    weight is [N, 1, H, W]. Dice is taken image by image and output by output, so that small objects count in their
    image as large ones do in theirs. Where there is a second output, its pixels, the borders between objects, count
    more in both.
    """
    important = weight
    if target.shape[1] > 1:
        important = weight * (1 + (BORDER_WEIGHT - 1) * target[:, 1:2])
    important = important.expand_as(target)
    entropy = F.binary_cross_entropy_with_logits(logits, target, important, reduction="sum") / important.sum()
    probability = torch.sigmoid(logits) * weight
    wanted = target * weight
    both = (probability * wanted).sum(dim=(2, 3))
    # A hundred square pixels of grace: without them one wrong pixel in an empty crop would cost as much as all.
    dice = (2 * both + 100) / (probability.sum(dim=(2, 3)) + wanted.sum(dim=(2, 3)) + 100)
    return entropy + (1 - dice).mean()
