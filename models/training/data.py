"""The sets of images that models learn from and are judged on, split by where they come from."""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import images
from .images import Pair


@dataclass(frozen=True)
class Source:
    """Pairs of images and masks that one laboratory or project published."""

    name: str
    licence: str
    folder: str           # under the data folder; holds images/ and masks/
    prefixes: tuple[str, ...] = ("",)  # of the file names that belong to it

    def files(self, data: Path) -> list[Path]:
        """The images, by name."""
        found = sorted(p for p in (data / self.folder / "images").glob("*.png") if p.name.startswith(self.prefixes))
        if not found:
            raise FileNotFoundError(f"no images of {self.name} in {data / self.folder / 'images'}")
        return found

    def pairs(self, data: Path) -> list[Pair]:
        """The pairs at their own size."""
        return [
            Pair(file.name, images.read_grey(file), images.read_mask(data / self.folder / "masks" / file.name))
            for file in self.files(data)
        ]


# The CHO cells are fields of one dish, numbered; the last fields are kept for validation. That is
# another field, not another source: there is only one.
KEPT_FIELDS = tuple(f"cho{number:02d}" for number in range(33, 41))
LEARNT_FIELDS = tuple(f"cho{number:02d}" for number in range(1, 33))

TRAINING = {
    "nuclei": Source("BBBC038 stage 1 train, nuclei", "CC0", "nuclei_train"),
    "dic_cells": Source("BBBC030 CHO cells, DIC (Koos et al. 2016)", "CC BY 3.0", "dic_cells", LEARNT_FIELDS),
    "spheroids": Source("Brightfield-3D-models-image-analysis, MLS11 spheroids, pseudo-labels", "BSD-3-Clause",
                        "spheroids", ("mls11_",)),
}

# The key is the name of the score in the model's metadata.
VALIDATION = {
    "nuclei_val": Source("BBBC038 stage 1 test, nuclei", "CC0", "nuclei_val"),
    "dic_cells_kept_fields": Source("BBBC030 CHO cells, fields kept aside", "CC BY 3.0", "dic_cells", KEPT_FIELDS),
    "spheroids_other_source_pseudo": Source("spheroseg test image, pseudo-label", "MIT", "spheroids", ("spheroseg_",)),
}


def load_training(data: Path, synthetic: Path, names: set[str], side: int) -> dict[str, list[list[Pair]]]:
    """The sets called `names`, each as groups that are drawn from equally often, fitted to `side`."""
    sets = {}
    for name in sorted(names - {"synthetic"}):
        fitted = [images.scale_to_fit(pair, side) for pair in TRAINING[name].pairs(data)]
        sets[name] = by_look(fitted) if name == "nuclei" else [fitted]
    if "synthetic" in names:
        arrays = np.load(synthetic)
        rendered = zip(arrays["grey"], arrays["mask"])
        sets["synthetic"] = [[Pair(f"synthetic {i}", grey, mask) for i, (grey, mask) in enumerate(rendered)]]
    return sets


def by_look(pairs: list[Pair]) -> list[list[Pair]]:
    """Bright objects on dark and dark ones on bright, apart: the set has eight of the first to one of the other."""
    bright, dark = [], []
    for pair in pairs:
        (bright if np.median(pair.grey) > 100 else dark).append(pair)
    return [group for group in (bright, dark) if group]


def draw(sets: dict[str, list[list[Pair]]], mix: dict[str, float], rng: np.random.Generator) -> Pair:
    """A pair of the mix: first the set, then the group, then the image."""
    names = sorted(mix)
    weights = np.array([mix[name] for name in names], dtype=float)
    groups = sets[names[rng.choice(len(names), p=weights / weights.sum())]]
    group = groups[rng.integers(len(groups))]
    return group[rng.integers(len(group))]


def generator(seed: int, *place: object) -> np.random.Generator:
    """A generator of its own for a place in the training, so that a resumed run draws what it would have drawn."""
    return np.random.default_rng([seed, zlib.crc32(repr(place).encode())])
