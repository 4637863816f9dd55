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
    # Where objects are told one by one: the range of the median diameter that they have in a crop, in pixels, evenly in
    # its logarithm, within the zoom.
    diameters: tuple[float, float] | None = None
    anew: bool = False  # the learning rate rises and falls once more from here on
    rate: float = 1.0   # the learning rate's top, in parts of the recipe's


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
    # Steps whose weights are averaged for what ships; of none the last step's are. Those of one training lie in one basin, and their mean
    # does better on images of other instruments (Wortsman et al. 2022, "Model soups").
    averaged: tuple[int, ...] = ()
    scaling: str = "fit"        # the whole image at once, or tiles at its own resolution: "native"
    channels: int = 1           # 1 grey, 3 RGB
    outputs: tuple[str, ...] = ("probability",)  # what the network tells of a pixel, see `HEADS`
    pretrained: bool = False    # the encoder starts with what it learnt from ImageNet
    held_back: int = 0          # of so many images of an instrument, one is kept from learning, to judge by
    learning_rate: float = 2e-3
    threshold: float = 0.5
    min_area: int = 0           # square pixels; what is smaller is noise to the model
    # Of the objects that it knows, in pixels: the best, and the least and the most that the hub leaves an image at its own size for.
    diameter: tuple[float, float, float] | None = None
    split_touching: bool = False
    batch: dict[str, int] = field(default_factory=dict)  # images a run, by how many sessions are active

    @property
    def objects(self) -> str:
        """How the hub makes objects of the outputs."""
        return HEADS[self.outputs]

    @property
    def tensors(self) -> tuple[str, ...]:
        """What the exported graph gives: one tensor an output, or one of all outputs where they are a flow."""
        return ("flow",) if self.objects == "flow" else self.outputs


# What a network may tell of a pixel, and how touching objects part by it: not at all but at necks; where the flow parts, whose
# two values lead to the middle of each.
HEADS = {
    ("probability",): "threshold",
    ("probability", "flow_y", "flow_x"): "flow",
}


# How HRNet and CBAM-ResUNet learn spheroids and other bodies.
BODIES = (
    # No real spheroid yet: how the network does on them at the end of this phase tells what the synthetic
    # ones are worth.
    Phase(1000, 256, 8, (0.55, 1.6), {"synthetic": 4, "nuclei": 1, "dic_cells": 2}),
    Phase(1500, 256, 8, (0.55, 1.6), {"synthetic": 4, "spheroids": 1, "nuclei": 1, "dic_cells": 2}),
    # Whole pictures, as the hub will show them.
    Phase(500, 512, 4, (0.7, 1.3), {"synthetic": 4, "spheroids": 1, "nuclei": 1, "dic_cells": 2}),
)

RECIPES = {
    recipe.id: recipe
    for recipe in (
        Recipe(
            id="hrnet",
            title="HRNet",
            description="Spheroids and other bodies in brightfield, DIC and phase contrast. Sees the picture at four "
                        "resolutions at once. The slowest of the three.",
            architecture="hrnet",
            options={"width": 16, "modules": (1, 3, 2), "blocks": 2, "norm": "batch"},
            side=512,
            phases=BODIES,
            batch={"alone": 8, "shared": 6, "max": 8},
        ),
        Recipe(
            id="cbam_resunet",
            title="CBAM-ResUNet",
            description="Spheroids and other bodies in brightfield, DIC and phase contrast. Attends to the channels "
                        "and the places that matter.",
            architecture="cbam_resunet",
            options={"width": 16, "levels": 5, "widest": 8, "stem": 2, "norm": "batch"},
            side=512,
            phases=BODIES,
            batch={"alone": 2, "shared": 4, "max": 6},
        ),
        Recipe(
            id="unet_nuclei",
            title="U-Net nuclei",
            description="Nuclei in fluorescence, stained tissue and transmitted light, at the scale that suits their size. "
                        "Parts nuclei that touch by where the middle of each is.",
            architecture="lite",
            options={"norm": "batch", "stochastic_depth": 0.1},
            side=544,  # the least of which four tiles, that share a ninth, make an image of 1024x1024
            scaling="native",
            channels=3,
            outputs=("probability", "flow_y", "flow_x"),
            pretrained=True,
            held_back=10,
            learning_rate=1e-3,
            min_area=20,  # no nucleus of the training set is smaller
            diameter=(40, 24, 60),
            split_touching=True,
            phases=(
                # Every size first: an image's scale is found by what the network sees at a wrong one.
                Phase(2000, 256, 8, (0.2, 4), {"nuclei": 1}, diameters=(6, 80)),
                # Then what is left to see once the image has been scaled, give or take a factor of two. On what it learnt from
                # it grows better to the end, on other instruments' images worse from some step on: hence the mean of where the
                # learning rate had fallen (Izmailov et al. 2018, UAI, "Averaging weights leads to wider optima").
                *[Phase(2000, 256, 8, (0.2, 4), {"nuclei": 1}, diameters=(10, 72), anew=True)] * 3,
                # At half the rate: one more at the whole one, with other crops, made the mean worse.
                *[Phase(2000, 256, 8, (0.2, 4), {"nuclei": 1}, diameters=(10, 72), anew=True, rate=0.5)] * 4,
            ),
            averaged=(4000, 6000, 8000, 10000, 12000, 14000, 16000),
            batch={"alone": 4, "shared": 2, "max": 8},
        ),
        Recipe(
            id="unet_spherohq",
            title="U-Net SpheroHQ",
            description="Spheroids and other bodies in brightfield and DIC; nuclei, too, but less exactly. "
                        "Takes the whole image at once; loose cells and debris around a spheroid are left out.",
            architecture="lite",
            options={"norm": "batch"},
            side=512,
            pretrained=True,
            learning_rate=1e-3,
            phases=(
                # No real spheroid yet: how the network does on them at the end of this phase tells what
                # the synthetic ones are worth.
                Phase(700, 256, 8, (0.55, 1.6), {"synthetic": 4, "nuclei": 3, "dic_cells": 1}),
                Phase(1000, 256, 8, (0.55, 1.6), {"synthetic": 3, "spheroids": 1, "nuclei": 3, "dic_cells": 1}),
                # Whole pictures, as the hub will show them.
                Phase(700, 512, 4, (0.7, 1.3), {"synthetic": 5, "spheroids": 1, "nuclei": 2, "dic_cells": 1}),
            ),
            # The original system allowed 4 on a GPU of its own, and 1, at most 2, for each of four
            # users. `max` holds for both cases, so it is the larger; `shared` keeps to the 1.
            batch={"alone": 4, "shared": 1, "max": 4},
        ),
    )
}
