"""Writes a trained model as one ONNX file that says everything about itself.

    python3 -m models.training.export unet_spherohq --data ../shared/data

The graph takes "image", uint8 [N, side, side, channels], and gives "probability", and for some models "border", each
uint8 [N, side, side, 1], 255 = certainly: preparation, sigmoid and rounding are inside. N alone is dynamic.
"""

import argparse
import json
from pathlib import Path

import onnx
import torch
from torch import nn

from . import data
from .architectures.preparation import prepare
from .evaluate import SPEC_KEY, evaluate, session
from .recipes import RECIPES, Recipe
from .train import network

OPSET = 17
WEIGHTS = Path(__file__).parent.parent / "weights"


class Shipped(nn.Module):
    """A network with its pre- and postprocessing: uint8 NHWC in, uint8 NHWC out, a tensor for each output."""

    def __init__(self, network: nn.Module, scaling: str):
        super().__init__()
        self.network, self.scaling = network, scaling

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        probability = torch.sigmoid(self.network(prepare(image.permute(0, 3, 1, 2).float(), self.scaling)))
        # The cast cuts off; half a level more makes it round.
        levels = (probability * 255 + 0.5).to(torch.uint8).permute(0, 2, 3, 1)
        return levels.split(1, dim=3)


def write_graph(recipe: Recipe, trained: nn.Module, path: Path) -> None:
    """The graph of the recipe's network without metadata; batch normalisation is folded into the convolutions."""
    example = torch.zeros(1, recipe.side, recipe.side, recipe.channels, dtype=torch.uint8)
    # PyTorch 2.9 made another exporter the default, which keeps the layers of normalisation.
    exporter = {} if torch.__version__ < "2.5" else {"dynamo": False}
    torch.onnx.export(Shipped(trained, recipe.scaling).eval(), example, str(path), opset_version=OPSET,
                      input_names=["image"], output_names=list(recipe.outputs),
                      dynamic_axes={name: {0: "N"} for name in ("image", *recipe.outputs)}, **exporter)


def spec(recipe: Recipe, training_data: list[dict], scores: dict) -> dict:
    """What the hub reads from the file, under `seghub.spec`."""
    return {
        "format": 1,
        "id": recipe.id,
        "title": recipe.title,
        "description": recipe.description,
        "input": {"height": recipe.side, "width": recipe.side, "channels": recipe.channels, "scaling": recipe.scaling},
        "outputs": list(recipe.outputs),
        "threshold": recipe.threshold,
        "precision": "fp32",
        "batch": recipe.batch,
        "training_data": training_data,
        "scores": scores,
    }


def learnt_from(recipe: Recipe, folder: Path, rendered: int) -> list[dict]:
    """Name, licence and number of images of each set in the recipe's mixes."""
    rows = []
    for name in sorted({name for phase in recipe.phases for name in phase.mix}):
        if name == "synthetic":
            rows.append({"name": "synthetic spheroids of models/training/synth.py", "licence": "of this project",
                         "images": rendered})
        else:
            source = data.TRAINING[name]
            rows.append({"name": source.name, "licence": source.licence, "images": len(source.files(folder))})
    return rows


def write_spec(path: Path, contents: dict) -> None:
    """Puts the spec into the file's metadata, in place of one that was there."""
    model = onnx.load(str(path))
    del model.metadata_props[:]
    model.metadata_props.add(key=SPEC_KEY, value=json.dumps(contents, sort_keys=True))
    model.producer_name = "seghub models/training"
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def main() -> None:
    parser = argparse.ArgumentParser(description="Export a trained model to ONNX, with its scores.")
    parser.add_argument("model", choices=sorted(RECIPES))
    parser.add_argument("--data", type=Path, required=True, help="the folder with the sets")
    parser.add_argument("--run", type=Path, help="the folder of the run (models/training/runs/MODEL)")
    parser.add_argument("--out", type=Path, help="the file to write (models/weights/MODEL.onnx)")
    arguments = parser.parse_args()

    recipe = RECIPES[arguments.model]
    run = arguments.run or Path(__file__).parent / "runs" / recipe.id
    out = arguments.out or WEIGHTS / f"{recipe.id}.onnx"
    trained = network(recipe)
    trained.load_state_dict(torch.load(run / "checkpoint.pt", map_location="cpu")["average"])
    write_graph(recipe, trained, out)
    sets = learnt_from(recipe, arguments.data, json.loads((run / "run.json").read_text())["synthetic_count"])
    summary, _ = evaluate(session(out), spec(recipe, sets, {}), arguments.data)
    write_spec(out, spec(recipe, sets, summary))
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
