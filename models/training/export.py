"""Writes a trained model as one ONNX file that says everything about itself.

    python3 -m models.training.export unet_spherohq --data ../shared/data
    python3 -m models.training.export unet_spherohq --data ../shared/data --int8
    python3 -m models.training.export hrnet --width full --random-weights --out full/hrnet.onnx

The second writes a variant of the first's file, which ships when `seghub models validate` says so. The third is for
measuring a GPU with a network of the published size, which nobody trained here.

The graph takes "image", uint8 [N, side, side, channels], and gives "probability", uint8 [N, side, side, 1], 255 =
certainly; or "flow", uint8 [N, side, side, 3], the probability and the flow down and right, 128 = none. Preparation,
sigmoid and rounding are inside. N alone is dynamic.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import onnx
import torch
from torch import nn

from . import data, precision
from .architectures import FULL
from .architectures.outputs import as_bytes
from .architectures.preparation import prepare
from .evaluate import SPEC_KEY, evaluate, read_spec, session
from .recipes import RECIPES, Recipe
from .train import network, shipped

OPSET = 17
WEIGHTS = Path(__file__).parent.parent / "weights"
RUNS = Path(__file__).parent / "runs"


class Shipped(nn.Module):
    """A network with its pre- and postprocessing: uint8 NHWC in, uint8 NHWC out, a tensor for each output, or one for a flow.

    prepare: what makes the network's input, float [N, C', H, W], of grey levels 0..255, float [N, C, H, W].
    objects: how the hub makes objects of the outputs, see `Recipe.objects`.
    """

    def __init__(self, network: nn.Module, prepare: Callable[[torch.Tensor], torch.Tensor], objects: str = "threshold"):
        super().__init__()
        self.network, self.prepare, self.objects = network, prepare, objects

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        levels = as_bytes(self.logits(image), self.objects).permute(0, 2, 3, 1)
        return levels.split(3 if self.objects == "flow" else 1, dim=3)

    def logits(self, image: torch.Tensor) -> torch.Tensor:
        """Float [N, outputs, H, W] of uint8 [N, H, W, C]."""
        return self.network(self.prepare(image.permute(0, 3, 1, 2).float()))


def write_graph(recipe: Recipe, trained: nn.Module, path: Path) -> None:
    """The graph of the recipe's network without metadata."""
    shipped = Shipped(trained, partial(prepare, scaling=recipe.scaling), recipe.objects)
    write_shipped(shipped, recipe.side, recipe.channels, recipe.tensors, path)


def write_shipped(shipped: Shipped, side: int, channels: int, outputs: tuple[str, ...], path: Path) -> None:
    """The graph without metadata; batch normalisation is folded into the convolutions."""
    example = torch.zeros(1, side, side, channels, dtype=torch.uint8)
    # PyTorch 2.9 made another exporter the default, which keeps the layers of normalisation.
    exporter = {} if torch.__version__ < "2.5" else {"dynamo": False}
    torch.onnx.export(shipped.eval(), example, str(path), opset_version=OPSET,
                      input_names=["image"], output_names=list(outputs),
                      dynamic_axes={name: {0: "N"} for name in ("image", *outputs)}, **exporter)


def spec(recipe: Recipe, training_data: list[dict], scores: dict) -> dict:
    """What the hub reads from the file, under `seghub.spec`."""
    return {
        "format": 1,
        "id": recipe.id,
        "title": recipe.title,
        "description": recipe.description,
        "input": {"height": recipe.side, "width": recipe.side, "channels": recipe.channels, "scaling": recipe.scaling},
        "outputs": list(recipe.tensors),
        "objects": recipe.objects,
        "threshold": recipe.threshold,
        "min_area": recipe.min_area,
        "split_touching": recipe.split_touching,
        **({"diameter": dict(zip(("best", "least", "most"), recipe.diameter))} if recipe.diameter else {}),
        "precision": "fp32",
        "batch": recipe.batch,
        "training_data": training_data,
        "scores": scores,
    }


def learnt_from(recipe: Recipe, images: dict[str, int]) -> list[dict]:
    """Name, licence and number of images of each set in the recipe's mixes, of which a run learnt from so many."""
    rows = []
    for name in sorted({name for phase in recipe.phases for name in phase.mix}):
        if name == "synthetic":
            about = {"name": "synthetic spheroids and embryos of models/training/synth.py", "licence": "of this project"}
        else:
            about = {"name": data.TRAINING[name].name, "licence": data.TRAINING[name].licence}
        rows.append({**about, "images": images[name]})
    return rows


def write_spec(path: Path, contents: dict) -> None:
    """Puts the spec into the file's metadata, in place of one that was there."""
    model = onnx.load(str(path))
    del model.metadata_props[:]
    model.metadata_props.add(key=SPEC_KEY, value=json.dumps(contents, sort_keys=True))
    model.producer_name = "seghub models/training"
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def write_trained(recipe: Recipe, run: Path, folder: Path, out: Path) -> None:
    """What the run learnt, with its scores on the sets in the folder."""
    trained = network(recipe)
    trained.load_state_dict(shipped(recipe, run))
    write_graph(recipe, trained, out)
    sets = learnt_from(recipe, json.loads((run / "run.json").read_text())["images"])
    summary, _ = evaluate(session(out), spec(recipe, sets, {}), folder)
    write_spec(out, spec(recipe, sets, summary))
    print(json.dumps(summary, indent=2))


def write_variant(recipe: Recipe, parent: Path, kind: str, folder: Path, out: Path) -> None:
    """The parent's file as "fp16" or "int8", with scores of its own on the sets in the folder."""
    model, contents = onnx.load(str(parent)), read_spec(session(parent))
    if kind == "fp16":
        model = precision.float16(model)
    else:
        model = precision.int8(model, precision.calibrating(recipe, folder))
    onnx.save(model, str(out))
    contents = {**contents, "id": f"{contents['id']}_{kind}", "title": f"{contents['title']}, {kind}", "precision": kind}
    contents["scores"], _ = evaluate(session(out), contents, folder)
    write_spec(out, contents)
    print(json.dumps(contents["scores"], indent=2))


def write_random(recipe: Recipe, width: str, out: Path) -> None:
    """A network that learnt nothing: it takes the time and the memory of one that did."""
    if width == "full":
        recipe = replace(recipe, options={**recipe.options, **FULL[recipe.architecture]})
    recipe = replace(recipe, id=f"{recipe.id}_{width}_random", title=f"{recipe.title}, {width}, random weights",
                     description="For measuring time and memory. Its masks mean nothing.")
    torch.manual_seed(0)
    write_graph(recipe, network(recipe), out)
    write_spec(out, spec(recipe, [], {}))


def main() -> None:
    parser = argparse.ArgumentParser(description="Export a trained model to ONNX, with its scores.")
    parser.add_argument("model", choices=sorted(RECIPES))
    parser.add_argument("--data", type=Path, help="the folder with the sets, for the scores")
    parser.add_argument("--run", type=Path, help="the folder of the run (models/training/runs/MODEL)")
    parser.add_argument("--out", type=Path,
                        help="the file to write (models/weights/MODEL.onnx; of a variant models/training/runs/MODEL_KIND.onnx)")
    variant = parser.add_mutually_exclusive_group()
    variant.add_argument("--fp16", dest="kind", action="store_const", const="fp16",
                         help="write models/weights/MODEL.onnx in float16, for GPUs")
    variant.add_argument("--int8", dest="kind", action="store_const", const="int8",
                         help="write it in int8, for CPUs, calibrated on training images")
    parser.add_argument("--width", choices=("compact", "full"), default="compact",
                        help="the recipe's network, or with --random-weights that of its published size")
    parser.add_argument("--random-weights", action="store_true", help="export without a training, for measuring speed")
    arguments = parser.parse_args()

    recipe = RECIPES[arguments.model]
    if arguments.random_weights:
        if arguments.kind:
            parser.error(f"--{arguments.kind} is of a model that was trained")
        if arguments.out is None or arguments.out.resolve().parent == WEIGHTS.resolve():
            parser.error("--random-weights needs --out, outside of models/weights")
        write_random(recipe, arguments.width, arguments.out)
        return
    if arguments.width == "full":
        parser.error("--width full needs --random-weights: nothing of that size was trained")
    if arguments.data is None:
        parser.error("--data is needed for the scores of a trained model")
    if arguments.kind:
        RUNS.mkdir(exist_ok=True)
        write_variant(recipe, WEIGHTS / f"{recipe.id}.onnx", arguments.kind, arguments.data,
                      arguments.out or RUNS / f"{recipe.id}_{arguments.kind}.onnx")
        return
    write_trained(recipe, arguments.run or RUNS / recipe.id, arguments.data,
                  arguments.out or WEIGHTS / f"{recipe.id}.onnx")


if __name__ == "__main__":
    main()
