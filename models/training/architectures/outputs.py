"""The last thing that every model does with what its network tells of a pixel."""

import torch


def as_bytes(logits: torch.Tensor, objects: str) -> torch.Tensor:
    """uint8 [N, outputs, H, W] of a network's float outputs, for a model that makes objects that way.

    A logit becomes a probability, 255 = certainly. Of a flow, which is no logit, 128 is none and 127 more or less its unit.
    """
    if objects == "flow":
        probability = torch.sigmoid(logits[:, :1]) * 255
        flow = logits[:, 1:].clamp(-1, 1) * 127 + 128
        values = torch.cat([probability, flow], dim=1)
    else:
        values = torch.sigmoid(logits) * 255
    # The cast cuts off; half a level more makes it round.
    return (values + 0.5).to(torch.uint8)
