"""Segment microscope images on a SegHub: numpy in, labels and a table out.

    with SegHub("http://127.0.0.1:8080") as hub:
        result = hub.segment(image, model="unet_nuclei")
        result.labels, result.objects
"""

from .errors import JobFailed, Problem, Unreachable
from .events import Event
from .hub import Image, SegHub
from .result import Result

__all__ = ["Event", "Image", "JobFailed", "Problem", "Result", "SegHub", "Unreachable"]
