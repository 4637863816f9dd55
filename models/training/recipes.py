"""Everything that is said of a model: what it is, what it learns from, and how long."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Phase:
    """A stretch of training: `steps` batches of `batch` crops of `crop` x `crop` pixels."""

    steps: int
    crop: int
    batch: int
    zoom: tuple[float, float]  # the range of scales that crops are taken at; 1 is the scale of the fit
    mix: dict[str, float]      # how often each set of `data.TRAINING` gives a crop, in parts


@dataclass(frozen=True)
class Recipe:
    """One model, from its network to the words that people read about it."""

    id: str
    title: str
    description: str
    architecture: str
    options: dict[str, object]  # of the architecture
    side: int                   # the input is side x side pixels
    phases: tuple[Phase, ...]
    learning_rate: float = 2e-3
    threshold: float = 0.5
    batch: dict[str, int] = field(default_factory=dict)  # images a run, by how many sessions are active


RECIPES = {
    recipe.id: recipe
    for recipe in (
        Recipe(
            id="unet_spherohq",
            title="U-Net SpheroHQ",
            description="Spheroids and other bodies in brightfield and DIC; nuclei, too, but less exactly. "
                        "Takes the whole image at once; loose cells and debris around a spheroid are left out.",
            architecture="unet",
            options={"width": 16, "levels": 5, "widest": 8, "stem": 2, "norm": "batch"},
            side=512,
            phases=(
                # No real spheroid yet: how the network does on them at the end of this phase tells what
                # the synthetic ones are worth.
                Phase(900, 256, 8, (0.55, 1.6), {"synthetic": 4, "nuclei": 3, "dic_cells": 1}),
                Phase(1300, 256, 8, (0.55, 1.6), {"synthetic": 3, "spheroids": 1, "nuclei": 3, "dic_cells": 1}),
                # Whole pictures, as the hub will show them.
                Phase(400, 512, 4, (0.7, 1.3), {"synthetic": 3, "spheroids": 1, "nuclei": 3, "dic_cells": 1}),
            ),
            # The original system allowed 4 on a GPU of its own, and 1, at most 2, for each of four
            # users. `max` holds for both cases, so it is the larger; `shared` keeps to the 1.
            batch={"alone": 4, "shared": 1, "max": 4},
        ),
    )
}
