"""Trains one model by its recipe; a run that is stopped goes on where it was when started again.

    python3 -m models.training.train unet_spherohq --data ../shared/data
"""

import argparse
import csv
import json
import math
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from . import data, synth
from .architectures import build
from .augment import crop
from .losses import overlap_loss
from .recipes import RECIPES, Phase, Recipe

SYNTHETIC_COUNT = 1500
CHECKPOINT_EVERY = 25  # steps
WARM_UP = 100          # steps over which the learning rate rises


class Run:
    """A training in a folder: `checkpoint.pt` (all that is needed to go on) and `loss.csv`."""

    def __init__(self, recipe: Recipe, folder: Path, seed: int):
        self.recipe, self.folder, self.seed = recipe, folder, seed
        self.step = 0
        torch.manual_seed(seed)
        self.network = build(recipe.architecture, **recipe.options)
        # The weights that are shipped: a moving average, steadier than the last step's.
        self.average = build(recipe.architecture, **recipe.options)
        self.average.load_state_dict(self.network.state_dict())
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=recipe.learning_rate, weight_decay=1e-2)
        folder.mkdir(parents=True, exist_ok=True)
        self.checkpoint = folder / "checkpoint.pt"
        if self.checkpoint.exists():
            self.load()

    @property
    def steps(self) -> int:
        return sum(phase.steps for phase in self.recipe.phases)

    def phase(self, step: int) -> Phase:
        for phase in self.recipe.phases:
            if step < phase.steps:
                return phase
            step -= phase.steps
        raise IndexError(f"the recipe ends before step {step}")

    def save(self) -> None:
        """Writes the checkpoint; a run that is killed while it writes keeps the one before."""
        unfinished = self.checkpoint.with_suffix(".tmp")
        torch.save({"step": self.step, "network": self.network.state_dict(), "average": self.average.state_dict(),
                    "optimiser": self.optimiser.state_dict()}, unfinished)
        unfinished.replace(self.checkpoint)

    def load(self) -> None:
        state = torch.load(self.checkpoint, map_location="cpu")
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])

    def batches(self, sets: dict, until: int) -> Iterator[tuple[torch.Tensor, ...]]:
        """The batches of the steps left, made one ahead of the network by a thread."""
        with ThreadPoolExecutor(1) as maker:
            coming = maker.submit(make_batch, sets, self.phase(self.step), self.seed, self.step)
            for step in range(self.step, until):
                ready = coming.result()
                if step + 1 < until:
                    coming = maker.submit(make_batch, sets, self.phase(step + 1), self.seed, step + 1)
                yield ready

    def learn(self, batch: tuple[torch.Tensor, ...]) -> float:
        """One step; returns the loss."""
        image, target, weight = batch
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * schedule(self.step, self.steps)
        self.network.train()
        loss = overlap_loss(self.network(image), target, weight)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        self.follow(min(0.995, self.step / (self.step + 10)))
        return loss.item()

    @torch.no_grad()
    def follow(self, keep: float) -> None:
        """Moves the average toward the network."""
        network = self.network.state_dict()
        for name, value in self.average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(network[name], 1 - keep)
            else:
                value.copy_(network[name])


def schedule(step: int, steps: int) -> float:
    """The learning rate as a part of the recipe's: a short rise, then half a cosine down to a hundredth."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - WARM_UP) / max(1, steps - WARM_UP)))


def make_batch(sets: dict, phase: Phase, seed: int, step: int) -> tuple[torch.Tensor, ...]:
    """(image, target, weight), float [batch, 2 or 1, crop, crop]; the same for the same seed and step."""
    crops = []
    for number in range(phase.batch):
        rng = data.generator(seed, step, number)
        crops.append(crop(data.draw(sets, phase.mix, rng), phase.crop, phase.zoom, rng))
    return tuple(torch.from_numpy(np.stack(layer)) for layer in zip(*crops))


def train(run: Run, sets: dict, until: int) -> None:
    """Goes on to step `until`, telling how far it is, logging the loss and saving as it goes."""
    started, first = time.monotonic(), run.step
    log = run.folder / "loss.csv"
    if not log.exists():
        log.write_text("step,loss,learning_rate,seconds\n")
    with log.open("a", newline="") as file:
        rows = csv.writer(file)
        for batch in run.batches(sets, until):
            loss = run.learn(batch)
            seconds = time.monotonic() - started
            rows.writerow([run.step, f"{loss:.5f}", f"{run.optimiser.param_groups[0]['lr']:.3e}", f"{seconds:.1f}"])
            if run.step % CHECKPOINT_EVERY == 0 or run.step == until:
                run.save()
                file.flush()
                left = seconds / (run.step - first) * (until - run.step)
                print(f"step {run.step}/{run.steps}  loss {loss:.3f}  {left / 60:.0f} min left", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a model by its recipe.")
    parser.add_argument("model", choices=sorted(RECIPES))
    parser.add_argument("--data", type=Path, required=True, help="the folder with the sets")
    parser.add_argument("--run", type=Path, help="the folder of the run (models/training/runs/MODEL)")
    parser.add_argument("--synthetic", type=Path, help="rendered pictures (made in the run's folder if absent)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, help="stop at this step (the recipe's last)")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    recipe = RECIPES[arguments.model]
    run = Run(recipe, arguments.run or Path(__file__).parent / "runs" / recipe.id, arguments.seed)
    until = min(arguments.steps or run.steps, run.steps)
    if run.step >= until:
        print(f"nothing left to do: step {run.step} of {until}", file=sys.stderr)
        return
    synthetic = arguments.synthetic or run.folder / "synthetic.npz"
    if not synthetic.exists():
        print(f"rendering {SYNTHETIC_COUNT} synthetic pictures", file=sys.stderr, flush=True)
        synth.render(synthetic, SYNTHETIC_COUNT, 0, recipe.side, arguments.threads)
    names = {name for phase in recipe.phases for name in phase.mix}
    sets = data.load_training(arguments.data, synthetic, names, recipe.side)
    about = {"model": recipe.id, "seed": arguments.seed, "synthetic_count": sum(map(len, sets.get("synthetic", [])))}
    (run.folder / "run.json").write_text(json.dumps(about))
    train(run, sets, until)


if __name__ == "__main__":
    main()
