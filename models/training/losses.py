"""What training makes small."""

import torch
import torch.nn.functional as F


def overlap_loss(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Cross-entropy plus one minus the soft Dice coefficient, over pixels of weight 1.

    All are float [N, 1, H, W]; the target is between 0 and 1 where an outline cuts a pixel. Dice is taken image by image, so
    that small objects count in their image as large ones do in theirs.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, target, weight, reduction="sum") / weight.sum()
    probability = torch.sigmoid(logits) * weight
    wanted = target * weight
    both = (probability * wanted).sum(dim=(2, 3))
    # A hundred square pixels of grace: without them one wrong pixel in an empty crop would cost as much as all.
    dice = (2 * both + 100) / (probability.sum(dim=(2, 3)) + wanted.sum(dim=(2, 3)) + 100)
    return entropy + (1 - dice).mean()


FLOW_WEIGHT = 12.5  # Stringer et al. 2021: half the mean square of flows that are five times as long


def flow_loss(outputs: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The overlap loss of the probability's logit, and the mean square of what is wrong with the flow.

    outputs and target are float [N, 3, H, W]: logit and flow, and mask and flow; weight [N, 1, H, W].
    """
    astray = (outputs[:, 1:] - target[:, 1:]) ** 2 * weight
    return overlap_loss(outputs[:, :1], target[:, :1], weight) + FLOW_WEIGHT * astray.sum() / (2 * weight.sum())
