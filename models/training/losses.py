"""What training makes small."""

import torch
import torch.nn.functional as F

MEETING_WEIGHT = 5.0  # of the pixels where two objects meet, in the cross-entropy


def overlap_loss(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Cross-entropy plus one minus the soft Dice coefficient, over pixels of weight 1; means over the outputs.

    logits is float [N, outputs, H, W], weight [N, 1, H, W]. target has a layer for each output, between 0 and 1 where an
    outline cuts a pixel; and, where there are two outputs, a third layer: where objects meet, which are few pixels that
    decide how many objects there are. Dice is taken image by image, so that small objects count in their image as
    large ones do in theirs.
    """
    important = weight
    if target.shape[1] == 3:
        important = weight * (1 + (MEETING_WEIGHT - 1) * target[:, 2:])
        target = target[:, :2]
    important = important.expand_as(target)
    entropy = F.binary_cross_entropy_with_logits(logits, target, important, reduction="sum") / important.sum()
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
