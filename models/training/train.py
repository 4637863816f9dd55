"""Trains one model by its recipe; a run that is stopped goes on where it was when started again.

    python3 -m models.training.train unet_spherohq --data ../shared/data
"""

import argparse
import collections
import csv
import json
import math
import multiprocessing
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from . import data, judge, synth
from .architectures import build
from .architectures.lite import imagenet_file, load_imagenet
from .architectures.preparation import seen_channels
from .augment import crop
from .images import Pair
from .losses import flow_loss, overlap_loss
from .recipes import RECIPES, Phase, Recipe

SYNTHETIC_COUNT = 1500
CHECKPOINT_EVERY = 120  # seconds
JUDGE_EVERY = 500       # steps, where images are held back
WARM_UP = 100           # steps over which the learning rate rises


def network(recipe: Recipe) -> torch.nn.Module:
    """The recipe's network, untrained."""
    return build(recipe.architecture, channels=seen_channels(recipe.channels), outputs=len(recipe.outputs),
                 **recipe.options)


class Run:
    """A training in a folder: `checkpoint.pt` (all that is needed to go on), `loss.csv` and `loss.png`."""

    def __init__(self, recipe: Recipe, folder: Path, seed: int, device: torch.device = torch.device("cpu")):
        self.recipe, self.folder, self.seed, self.device = recipe, folder, seed, device
        self.step = 0
        torch.manual_seed(seed)
        # Channels last is the layout in which convolutions are fastest, on the CPU and on a GPU.
        self.network = network(recipe)
        self.checkpoint = folder / "checkpoint.pt"
        if recipe.pretrained and not self.checkpoint.exists():
            load_imagenet(self.network, torch.load(imagenet_file(), map_location="cpu"))
        self.network = self.network.to(device, memory_format=torch.channels_last)
        # The weights that are shipped: a moving average, steadier than the last step's.
        self.average = network(recipe).to(device)
        self.average.load_state_dict(self.network.state_dict())
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=recipe.learning_rate, weight_decay=1e-2)
        folder.mkdir(parents=True, exist_ok=True)
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

    def course(self, step: int) -> tuple[int, int]:
        """How many steps ago the learning rate began to rise, and how many it has from there until it has fallen."""
        first = last = 0
        for phase in self.recipe.phases:
            if phase.anew and step >= last:
                first = last
            elif phase.anew:
                break
            last += phase.steps
        return step - first, last - first

    def save(self) -> None:
        """Writes the checkpoint; a run that is killed while it writes keeps the one before."""
        unfinished = self.checkpoint.with_suffix(".tmp")
        torch.save({"step": self.step, "network": self.network.state_dict(), "average": self.average.state_dict(),
                    "optimiser": self.optimiser.state_dict()}, unfinished)
        unfinished.replace(self.checkpoint)

    def load(self) -> None:
        state = torch.load(self.checkpoint, map_location=self.device)
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])

    def batches(self, sets: dict, until: int, makers: int = 1) -> Iterator[tuple[torch.Tensor, ...]]:
        """The batches of the steps left, made ahead of the network by a thread, or by so many processes."""
        # Forked processes share the images' memory.
        processes = multiprocessing.get_context("fork")
        pool, make = (ThreadPoolExecutor(1), partial(make_batch, sets)) if makers == 1 else (
            ProcessPoolExecutor(makers, processes, initializer=know, initargs=(sets,)), make_known_batch)
        with pool:
            coming = collections.deque()
            ahead = self.step
            for _ in range(self.step, until):
                while ahead < until and len(coming) <= makers:
                    coming.append(pool.submit(make, self.phase(ahead), self.seed, ahead, self.recipe.scaling))
                    ahead += 1
                yield coming.popleft().result()

    def keep_average(self) -> None:
        """Writes the weights of this step for `shipped`, if the recipe wants them."""
        if self.step in self.recipe.averaged:
            torch.save(self.average.state_dict(), kept_average(self.folder, self.step))

    def learn(self, batch: tuple[torch.Tensor, ...]) -> float:
        """One step; returns the loss."""
        image, target, weight = (layer.to(self.device, memory_format=torch.channels_last) for layer in batch)
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * self.phase(self.step).rate * schedule(*self.course(self.step))
        self.network.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=halves(self.device)):
            logits = self.network(image)
        wrong = flow_loss if self.recipe.objects == "flow" else overlap_loss
        loss = wrong(logits.float(), target, weight)
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


def kept_average(folder: Path, step: int) -> Path:
    return folder / f"average-{step}.pt"


def shipped(recipe: Recipe, folder: Path) -> dict[str, torch.Tensor]:
    """The weights of a run that are shipped: the mean of those of the steps that the recipe names, or the last ones."""
    if not recipe.averaged:
        return torch.load(folder / "checkpoint.pt", map_location="cpu")["average"]
    of_steps = [torch.load(kept_average(folder, step), map_location="cpu") for step in recipe.averaged]
    return {name: torch.stack([of[name].double() for of in of_steps]).mean(0).to(value.dtype) if value.is_floating_point() else value
            for name, value in of_steps[-1].items()}


def halves(device: torch.device) -> bool:
    """Whether the device computes with bfloat16, which has the range of float32 and needs no scaling of the loss."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)  # PyTorch 2 alone tells
    return supported is not None and supported()


def schedule(step: int, steps: int) -> float:
    """The learning rate as a part of the recipe's: a short rise, then half a cosine down to a hundredth."""
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - WARM_UP) / max(1, steps - WARM_UP)))


known_sets = {}  # of a process that makes batches: it gets them once, not with every batch


def know(sets: dict) -> None:
    """Makes the sets those of this process, which is one of several."""
    known_sets.update(sets)
    torch.set_num_threads(1)


def make_known_batch(phase: Phase, seed: int, step: int, scaling: str) -> tuple[torch.Tensor, ...]:
    """`make_batch` of the sets that this process knows."""
    return make_batch(known_sets, phase, seed, step, scaling)


def make_batch(sets: dict, phase: Phase, seed: int, step: int, scaling: str) -> tuple[torch.Tensor, ...]:
    """(image, target, weight), float [batch, 2 or 1, crop, crop]; the same for the same seed and step."""
    crops = []
    for number in range(phase.batch):
        rng = data.generator(seed, step, number)
        pair = data.draw(sets, phase.mix, rng)
        crops.append(crop(pair, phase.crop, zoom(phase, pair), scaling, rng))
    return tuple(torch.from_numpy(np.stack(layer)) for layer in zip(*crops))


def zoom(phase: Phase, pair: Pair) -> tuple[float, float]:
    """The range of scales that a crop of the pair is taken at."""
    if not phase.diameters or not pair.objects or pair.objects.diameter == 0:
        return phase.zoom
    least, most = phase.zoom
    low, high = (min(max(diameter / pair.objects.diameter, least), most) for diameter in phase.diameters)
    return low, high


def train(run: Run, sets: dict, until: int, kept: list[Pair] = (), makers: int = 1) -> None:
    """Goes on to step `until`, telling how far it is, logging the loss and saving as it goes. Every JUDGE_EVERY steps the
    average is judged by the images that were kept, if there are any."""
    log = run.folder / "loss.csv"
    rows = read_log(log, run.step)
    with log.open("w", newline="") as file, tqdm(total=until, initial=run.step, unit="step", mininterval=2) as bar:
        writer = csv.writer(file)
        writer.writerows([("step", "loss", "learning_rate"), *rows])
        saved = time.monotonic()
        for batch in run.batches(sets, until, makers):
            loss = run.learn(batch)
            run.keep_average()
            writer.writerow((run.step, f"{loss:.5f}", f"{run.optimiser.param_groups[0]['lr']:.3e}"))
            bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
            bar.update()
            if time.monotonic() - saved > CHECKPOINT_EVERY or run.step == until:
                file.flush()
                run.save()
                saved = time.monotonic()
            if kept and (run.step % JUDGE_EVERY == 0 or run.step == until):
                judge.note(run.folder / "curve.csv", run.step, judge.judge(run.average, run.recipe, kept, run.device))
    plot(log, run.folder / "loss.png")


def read_log(log: Path, until: int) -> list[list[str]]:
    """The rows of the steps up to `until`; a run that was killed may have logged more than it saved."""
    if not log.exists():
        return []
    with log.open(newline="") as file:
        return [row for row in list(csv.reader(file))[1:] if int(row[0]) <= until]


def plot(log: Path, picture: Path) -> None:
    """Draws the loss of each step, and its mean over a fiftieth of the run."""
    from matplotlib.figure import Figure  # a second to import, and wanted once

    steps, losses, _ = np.loadtxt(log, delimiter=",", skiprows=1, ndmin=2).T
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(steps, losses, linewidth=0.3, color="0.7")
    window = max(1, len(losses) // 50)
    axes.plot(steps[window - 1 :], np.convolve(losses, np.ones(window) / window, "valid"))
    axes.set(xlabel="step", ylabel="loss", ylim=(0, None))
    figure.savefig(picture, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a model by its recipe.")
    parser.add_argument("model", choices=sorted(RECIPES))
    parser.add_argument("--data", type=Path, required=True, help="the folder with the sets")
    parser.add_argument("--run", type=Path, help="the folder of the run (models/training/runs/MODEL)")
    parser.add_argument("--synthetic", type=Path, help="rendered pictures (made in the run's folder if absent)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, help="stop at this step (the recipe's last)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--makers", type=int, default=1, help="processes that make batches; a GPU takes what a dozen make (1)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu, cuda or cuda:N")
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    recipe = RECIPES[arguments.model]
    folder = arguments.run or Path(__file__).parent / "runs" / recipe.id
    run = Run(recipe, folder, arguments.seed, torch.device(arguments.device))
    until = min(arguments.steps or run.steps, run.steps)
    if run.step >= until:
        print(f"nothing left to do: step {run.step} of {until}", file=sys.stderr)
        return
    synthetic = arguments.synthetic or run.folder / "synthetic.npz"
    if not synthetic.exists() and any("synthetic" in phase.mix for phase in recipe.phases):
        print(f"rendering {SYNTHETIC_COUNT} synthetic pictures", file=sys.stderr, flush=True)
        synth.render(synthetic, SYNTHETIC_COUNT, 0, recipe.side, arguments.threads)
    sets = data.load_training(arguments.data, synthetic, recipe)
    kept = []
    if recipe.held_back:
        sets, kept = data.hold_back(sets, recipe.held_back)
    sets = {name: data.by_look(groups) for name, groups in sets.items()}
    about = {"model": recipe.id, "seed": arguments.seed, "images": {name: sum(map(len, groups)) for name, groups in sets.items()}}
    (run.folder / "run.json").write_text(json.dumps(about))
    train(run, sets, until, kept, arguments.makers)


if __name__ == "__main__":
    main()
