"""The sets of images that models learn from and are judged on, split by where they come from."""

import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import images
from .images import Pair
from .recipes import Recipe


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

    def pairs(self, data: Path, channels: int = 1, objects: str = "threshold") -> list[Pair]:
        """The pairs at their own size."""
        masks = data / self.folder / "masks"
        return [images.read_pair(file, masks / file.name, channels, objects) for file in self.files(data)]


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


def load_training(data: Path, synthetic: Path, recipe: Recipe) -> dict[str, list[list[Pair]]]:
    """The sets in the recipe's mixes, each in groups; fitted to its input where the hub will fit them."""
    names = {name for phase in recipe.phases for name in phase.mix}
    sets = {}
    for name in sorted(names - {"synthetic"}):
        pairs = TRAINING[name].pairs(data, recipe.channels, recipe.objects)
        groups = by_instrument(pairs)
        if recipe.scaling == "fit":
            groups = [[images.scale_to_fit(pair, recipe.side) for pair in group] for group in groups]
        sets[name] = groups
    if "synthetic" in names:
        arrays = np.load(synthetic)
        rendered = zip(arrays["grey"], arrays["mask"])
        sets["synthetic"] = [[Pair(f"synthetic {i}", grey[..., None], mask[..., None])
                              for i, (grey, mask) in enumerate(rendered)]]
    return sets


def by_instrument(pairs: list[Pair]) -> list[list[Pair]]:
    """The pairs apart by size and by bright or dark ground, which together tell the instruments of a set."""
    groups = {}
    for pair in pairs:
        groups.setdefault((pair.image.shape, bool(np.median(pair.image) > 100)), []).append(pair)
    return [groups[key] for key in sorted(groups)]


def by_look(groups: list[list[Pair]]) -> list[list[Pair]]:
    """The groups split further, where objects are told one by one: by how wide these are, in octaves, and by the colour of
    the ground, which differs from stain to stain."""
    finer = {}
    for number, group in enumerate(groups):
        for pair in group:
            look = ()
            if pair.objects:
                octave = round(math.log2(max(pair.objects.diameter, 1)))
                look = octave, ground(pair.image)
            finer.setdefault((number, *look), []).append(pair)
    return list(finer.values())


def ground(image: np.ndarray) -> tuple[int, ...]:
    """The colour of the brightest fifth of a picture's pixels, in steps that tell white from purple and from pink."""
    pixels = image.reshape(-1, image.shape[2]).astype(int)
    total = pixels.sum(axis=1)
    middle = np.median(pixels[total >= np.percentile(total, 80)], axis=0)
    return tuple(np.round((middle - middle.min()) / 32).astype(int).tolist())


def hold_back(sets: dict[str, list[list[Pair]]], each: int) -> tuple[dict[str, list[list[Pair]]], list[Pair]]:
    """The sets without one image of so many of each instrument, and those images. Of an instrument with few images, up to
    half of so many, all are learnt from."""
    learnt, kept = {}, []
    for name, groups in sets.items():
        learnt[name] = []
        for group in groups:
            order = sorted(group, key=lambda pair: pair.name)
            kept += order[each // 2 :: each]
            learnt[name].append([pair for number, pair in enumerate(order) if number % each != each // 2])
    return learnt, kept


def draw(sets: dict[str, list[list[Pair]]], mix: dict[str, float], rng: np.random.Generator) -> Pair:
    """A pair of the mix: first the set, then the group, then the image. A group of four times as many images is
    drawn from twice as often, so that rare instruments count, and a few images are not learnt by heart."""
    names = sorted(mix)
    groups = sets[names[choose(rng, [mix[name] for name in names])]]
    group = groups[choose(rng, [math.sqrt(len(group)) for group in groups])]
    return group[rng.integers(len(group))]


def choose(rng: np.random.Generator, weights: list[float]) -> int:
    """An index, as often as its weight says."""
    return rng.choice(len(weights), p=np.array(weights) / sum(weights))


def generator(seed: int, *place: object) -> np.random.Generator:
    """A generator of its own for a place in the training, so that a resumed run draws what it would have drawn."""
    return np.random.default_rng([seed, zlib.crc32(repr(place).encode())])
