"""What was found in one page of an image."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import tifffile

if TYPE_CHECKING:
    from .hub import SegHub


# The columns of tables that are texts, even where they look like numbers, or like none: 001 and NA are names. And those of whole numbers.
TEXTS = ["image", "name", "model", "receipt"]
WHOLE = ["page", "channel", "z", "t", "object", "revision", "area_px", "box_x_px", "box_y_px", "box_width_px", "box_height_px", "holes",
         "touches_border", "edited"]


@dataclass(frozen=True)
class Result:
    """A result; what is large is fetched when it is asked for, once."""

    hub: "SegHub"
    job: Mapping[str, Any]

    @cached_property
    def raw(self) -> Mapping[str, Any]:
        """The result as the hub tells it: `objects`, `summary`, `image`, `options`, ..."""
        raw: Mapping[str, Any] = self.hub.get(f"/jobs/{self.job['id']}/result").json()
        return raw

    @cached_property
    def labels(self) -> npt.NDArray[np.integer[Any]]:
        """[height, width]: 0 is background, every other value the number of an object. uint16, or uint32 above 65,535 objects."""
        return np.asarray(tifffile.imread(io.BytesIO(self.hub.get(f"/jobs/{self.job['id']}/labels.tif").content)))

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """[height, width]: whether an object is there."""
        return self.labels > 0

    @cached_property
    def receipt(self) -> Mapping[str, Any]:
        """What made the result, enough to make it again: `seghub replay` does."""
        receipt: Mapping[str, Any] = self.hub.get(f"/jobs/{self.job['id']}/receipt").json()
        return receipt

    @cached_property
    def objects(self) -> pd.DataFrame:
        """A row an object, with the columns of the CSV export: areas, lengths, shapes, intensities. Those of an image without objects hold the same
        kinds of values, so that tables can be put together."""
        text = self.hub.export("csv", [self.job["id"]])
        numbers = [column for column in text.partition(b"\n")[0].decode().strip().split(",") if column not in TEXTS]
        table = pd.read_csv(io.BytesIO(text), dtype=dict.fromkeys(TEXTS, str), na_values=dict.fromkeys(numbers, ["", "NaN"]), keep_default_na=False)
        if table.empty:
            table = table.astype({column: "int64" if column in WHOLE else float for column in numbers})
        return table

    def __len__(self) -> int:
        """How many objects there are."""
        return int(self.raw["summary"]["count"])

