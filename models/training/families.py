"""The networks of the system that this one replaces: what their weights are called there, and here.

The names are those of the usual reference implementations. What names and shapes cannot tell is taken to be as it is
there, and said in `Imported.notes`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from .architectures import build
from .checkpoint import Refused


@dataclass(frozen=True)
class Imported:
    """A network with the weights of a checkpoint."""

    title: str
    recipe: str  # whose batches suit the network
    network: nn.Module
    channels: int
    notes: tuple[str, ...]  # what was assumed or left out, in sentences


def translate(weights: dict[str, torch.Tensor]) -> Imported:
    """The network that the weights belong to, with all of them in it. Raises `Refused` with what does not fit."""
    for marks, family in FAMILIES:
        if any(re.match(marks, key) for key in weights):
            return family(weights)
    shown = ", ".join(sorted(weights)[:3])
    raise Refused(f"The weights ({shown}, ...) are named like none of HRNet, CBAM-ResUNet and U-Net.")


class Transfer:
    """Moves weights by name, and keeps account of those that do not fit and of those that nobody asked for."""

    def __init__(self, weights: dict[str, torch.Tensor]):
        self.weights = weights
        self.left = set(weights)
        self.moved: dict[str, tuple[str, torch.Tensor]] = {}  # by our name: theirs, and the values
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.statistics = any(key.endswith(".running_mean") for key in weights)
        self.affine = any(key.endswith(".weight") and value.dim() == 1 for key, value in weights.items())
        self.norm = "batch" if self.statistics else "instance"

    def shape(self, key: str) -> torch.Size:
        """The shape of a convolution that the size of the network is read from."""
        if key not in self.weights or self.weights[key].dim() != 4 or self.weights[key].numel() == 0:
            raise Refused(f"{key}, a convolution that the size of the network is read from, is missing.")
        return self.weights[key].shape

    def count(self, pattern: str) -> int:
        """How many things the keys have where the pattern's group is."""
        return len({found[1] for key in self.weights if (found := re.match(pattern, key))})

    def layers(self, prefix: str) -> tuple[list[str], list[str]]:
        """The convolutions and the normalisations below a prefix, each in the order of the numbers in their names."""
        paths = {key.rpartition(".")[0] for key in self.weights if key.startswith(prefix + ".")}
        ordered = sorted(paths, key=by_number)
        convolutions = [path for path in ordered if self.weights.get(path + ".weight", torch.empty(0)).dim() > 1]
        return convolutions, [path for path in ordered if path not in convolutions]

    def put(self, key: str, ours: str, change: Callable[[torch.Tensor], torch.Tensor] = lambda weight: weight) -> None:
        self.left.discard(key)
        if key not in self.weights:
            self.problems.append(f"{key} is missing.")
            return
        value = self.weights[key].float()
        if not torch.isfinite(value).all():
            self.problems.append(f"{key} has values that are not numbers.")
        self.moved[ours] = key, change(value)

    def plain(self, theirs: str, ours: str) -> None:
        """A convolution with a bias that nothing normalises."""
        self.put(theirs + ".weight", ours + ".weight")
        self.put(theirs + ".bias", ours + ".bias")

    def normalised(self, convolution: str, norm: str, ours: tuple[str, str], biased: bool = False,
                   change: Callable[[torch.Tensor], torch.Tensor] = lambda weight: weight) -> None:
        """A convolution and its normalisation, which takes away again the bias that a biased convolution adds."""
        self.put(convolution + ".weight", ours[0] + ".weight", change)
        bias = torch.zeros(1)
        if biased:
            self.put(convolution + ".bias", ours[0] + ".bias")
            _, bias = self.moved.pop(ours[0] + ".bias", ("", bias))
        if self.affine:
            self.put(norm + ".weight", ours[1] + ".weight")
            self.put(norm + ".bias", ours[1] + ".bias")
        elif convolution + ".weight" in self.weights:
            channels = len(self.weights[convolution + ".weight"])
            self.moved[ours[1] + ".weight"] = convolution, torch.ones(channels)
            self.moved[ours[1] + ".bias"] = convolution, torch.zeros(channels)
        if self.statistics:
            # The mean of what comes without the bias. Where each image has its own mean, the bias is gone anyway.
            self.put(norm + ".running_mean", ours[1] + ".running_mean",
                     lambda mean: mean - bias if len(bias) in (1, len(mean)) else bias)
            self.put(norm + ".running_var", ours[1] + ".running_var")
            self.left.discard(norm + ".num_batches_tracked")

    def skip(self, pattern: str, why: str) -> None:
        """Leaves out what takes no part in a prediction."""
        skipped = sorted(key for key in self.left if re.match(pattern, key))
        if skipped:
            self.left.difference_update(skipped)
            self.notes.append(f"{len(skipped)} weights from {skipped[0]} on were left out: {why}.")

    def finish(self, network: nn.Module, title: str, recipe: str, channels: int) -> Imported:
        """The network with the weights in it. Raises `Refused` with everything that does not fit."""
        state = network.state_dict()
        for ours, (theirs, value) in self.moved.items():
            if ours not in state or state[ours].shape != value.shape:
                wanted = f"not {list(state[ours].shape)}" if ours in state else "and there is no place for it"
                self.problems.append(f"{theirs} has the shape {list(value.shape)}, {wanted}.")
            else:
                state[ours].copy_(value)
        for ours in sorted(state.keys() - self.moved.keys()):
            if not self.problems and not ours.endswith(".num_batches_tracked"):
                self.problems.append(f"Nothing in the checkpoint is the source of {ours}.")
        self.problems += [f"{key} is left over: the network has no place for it." for key in sorted(self.left)]
        if self.problems:
            raise Refused(f"The checkpoint looks like one of {title}, but does not fit:", *self.problems)
        if not self.affine:
            self.notes.append("The normalisations have no weights: they scale by 1 and shift by 0.")
        elif not self.statistics:
            self.notes.append("The normalisations kept no statistics: they are taken to be by image and channel.")
        return Imported(title, recipe, network.eval(), channels, tuple(self.notes))


def by_number(name: str) -> list[str | int]:
    """What names are sorted by so that conv10 comes after conv9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def pair(ours: str) -> tuple[str, str]:
    """What `residual.convolution` calls its convolution and its normalisation."""
    return ours + ".0", ours + ".1"


def hrnet(weights: dict[str, torch.Tensor]) -> Imported:
    """HRNetV2, named as by its authors."""
    given = Transfer(weights)
    width, channels = given.shape("stage2.0.branches.0.0.conv1.weight")[0], given.shape("conv1.weight")[1]
    modules = tuple(given.count(rf"stage{stage}\.(\d+)\.") for stage in (2, 3, 4))
    blocks = given.count(r"layer1\.(\d+)\.")
    network = build("hrnet", width=width, modules=modules, blocks=blocks, channels=channels, norm=given.norm,
                    align_corners=True)

    for number in (1, 2):
        given.normalised(f"conv{number}", f"bn{number}", pair(f"first.{number - 1}"))
    for block in range(blocks):
        theirs, ours = f"layer1.{block}", f"first.{block + 2}"
        for number in (1, 2, 3):
            given.normalised(f"{theirs}.conv{number}", f"{theirs}.bn{number}", pair(f"{ours}.body.{number - 1}"))
    given.normalised("layer1.0.downsample.0", "layer1.0.downsample.1", pair("first.2.shortcut"))
    given.normalised("transition1.0.0", "transition1.0.1", pair("finest"))
    for stage, count in enumerate(modules):
        coarser = f"transition{stage + 1}.{stage + 1}.0"
        given.normalised(f"{coarser}.0", f"{coarser}.1", pair(f"coarser.{stage}"))
        for module in range(count):
            exchange(given, f"stage{stage + 2}.{module}", f"stages.{stage}.{module}", stage + 2, blocks)

    heads = ("last_layer", "final_layer", "head", "final")
    head = next((name for name in heads if given.layers(name)[0]), heads[0])
    convolutions, norms = given.layers(head)
    if len(convolutions) != 2 or len(norms) > 1:
        raise Refused(f"{head} has {len(convolutions)} convolutions and {len(norms)} normalisations, not two and one.")
    given.normalised(convolutions[0], next(iter(norms), f"{head}.1"), pair("mix"), biased=True)
    given.plain(convolutions[1], "head")
    given.notes.append("Coarse maps are enlarged bilinearly with aligned corners, which the weights do not tell.")
    return given.finish(network, "HRNet", "hrnet", channels)


def exchange(given: Transfer, theirs: str, ours: str, branches: int, blocks: int) -> None:
    """One of HRNet's modules: its branches, and what they tell one another."""
    for branch in range(branches):
        for block in range(blocks):
            for number in (1, 2):
                inner = f"{theirs}.branches.{branch}.{block}"
                given.normalised(f"{inner}.conv{number}", f"{inner}.bn{number}",
                                 pair(f"{ours}.branches.{branch}.{block}.body.{number - 1}"))
    for target in range(branches):
        for source in range(branches):
            inner, route = f"{theirs}.fuse_layers.{target}.{source}", f"{ours}.routes.{target}.{source}"
            if source > target:
                given.normalised(f"{inner}.0", f"{inner}.1", pair(f"{route}.0"))
            for step in range(target - source):
                given.normalised(f"{inner}.{step}.0", f"{inner}.{step}.1", pair(f"{route}.{step}"))


def cbam_resunet(weights: dict[str, torch.Tensor]) -> Imported:
    """CBAM-ResUNet, named as in the system that this one replaces."""
    given = Transfer(weights)
    width, channels = given.shape("init_conv.0.weight")[:2]
    widest = given.shape("bottleneck.0.conv1.weight")[0] // width
    count = given.count(r"downs\.(\d+)\.")
    network = build("cbam_resunet", width=width, levels=count + 1, widest=widest, stem=1, channels=channels,
                    norm=given.norm)

    given.normalised("init_conv.0", "init_conv.1", pair("first.0"))
    attentive(given, "downs.0", "first.1")
    for level in range(count):
        attentive(given, f"downs.{level + 1}" if level + 1 < count else "bottleneck.0", f"down.{level}")
        upward = count - 1 - level  # decoders are counted from the coarsest up
        given.plain(f"ups.{2 * upward}", f"up.{level}")
        attentive(given, f"ups.{2 * upward + 1}", f"merge.{level}")
        for theirs, ours in (("W_x", "offered"), ("W_g", "wanted"), ("psi", "weigh")):
            gate = f"attentions.{upward}.{theirs}"
            given.normalised(f"{gate}.0", f"{gate}.1", pair(f"gates.{level}.{ours}"), biased=True)
    attentive(given, "bottleneck.1", "bridge")
    given.normalised("final_conv.0", "final_conv.1", pair("last"))
    given.plain("final_conv.4", "head")
    given.skip(r"deep_outputs\.", "they serve the training alone")
    return given.finish(network, "CBAM-ResUNet", "cbam_resunet", channels)


def attentive(given: Transfer, theirs: str, ours: str) -> None:
    """A residual block with its attention. The attention's dense layers are 1x1 convolutions here."""
    for number in (1, 2):
        given.normalised(f"{theirs}.conv{number}", f"{theirs}.norm{number}", pair(f"{ours}.0.body.{number - 1}"))
    if any(key.startswith(f"{theirs}.adjust_channels.") for key in given.weights):
        given.normalised(f"{theirs}.adjust_channels.0", f"{theirs}.adjust_channels.1", pair(f"{ours}.0.shortcut"))
    for layer in (0, 2):
        given.put(f"{theirs}.cbam.channel_attention.shared_mlp.{layer}.weight", f"{ours}.1.weigh.{layer}.weight",
                  lambda weight: weight[..., None, None])
    given.put(f"{theirs}.cbam.spatial_attention.conv.weight", f"{ours}.2.weigh.weight")


@dataclass(frozen=True)
class UNetNames:
    """What one of the usual implementations of the U-Net calls its parts; levels are counted from the finest, 0."""

    ups: str                           # a pattern; its group numbers the upsamplings
    first: str
    down: Callable[[int, int], str]    # what makes level i + 1, of so many
    up: Callable[[int, int], str]      # what takes level i + 1 up to level i
    merge: Callable[[int, int], str]
    heads: tuple[str, ...]             # the last convolution is called one of these
    skip_first: bool                   # in the maps that are merged, what the skip brings comes before what comes up


UNETS = (
    # The system that this one replaces.
    UNetNames(r"ups\.(\d+)\.weight", "init_conv",
              lambda level, count: f"downs.{level}" if level + 1 < count else "bottleneck",
              lambda level, count: f"ups.{count - 1 - level}",
              lambda level, count: f"decoder_blocks.{count - 1 - level}", ("final_conv",), True),
    UNetNames(r"up(\d+)\.up\.weight", "inc", lambda level, _: f"down{level + 1}",
              lambda level, count: f"up{count - level}.up", lambda level, count: f"up{count - level}.conv",
              ("outc.conv",), True),
    *(UNetNames(rf"{up}(\d+)\.weight", f"{encoder}1",
                lambda level, count, encoder=encoder: f"{encoder}{level + 2}" if level + 1 < count else "bottleneck",
                lambda level, _, up=up: f"{up}{level + 1}", lambda level, _, decoder=decoder: f"{decoder}{level + 1}",
                ("conv", "out", "head", "final"), False)
      for encoder, decoder in (("encoder", "decoder"), ("enc", "dec"))
      for up in ("upconv", "up")),
)


def unet(weights: dict[str, torch.Tensor]) -> Imported:
    """A U-Net that goes up by transposed convolutions, in one of `UNETS`."""
    given = Transfer(weights)
    names = next((names for names in UNETS if given.count(names.ups) and given.layers(names.first)[0]), None)
    if names is None:
        raise Refused("The checkpoint looks like one of a U-Net, but its first block or its transposed convolutions on "
                      "the way up are not where the usual implementations have them.")
    count = given.count(names.ups)
    downs = [names.down(level, count) for level in range(count)]
    first, deepest = (next(iter(given.layers(prefix)[0]), prefix) for prefix in (names.first, downs[-1]))
    width, channels = given.shape(first + ".weight")[:2]
    widest = given.shape(deepest + ".weight")[0] // width
    network = build("unet", width=width, levels=count + 1, widest=widest, stem=1, channels=channels, norm=given.norm,
                    up="transposed")

    def swap(weight: torch.Tensor) -> torch.Tensor:
        """The halves of a merging convolution's inputs in the order that they have here."""
        if not names.skip_first:
            return weight
        half = weight.shape[1] // 2
        return torch.cat([weight[:, half:], weight[:, :half]], dim=1)

    biased = first + ".bias" in weights
    if biased and not given.affine and not given.statistics:
        raise Refused("The convolutions have biases, and nothing tells whether normalisations follow them.")
    double(given, names.first, "first", biased)
    for level, theirs in enumerate(downs):
        double(given, theirs, f"down.{level}", biased)
        given.plain(names.up(level, count), f"up.{level}")
        double(given, names.merge(level, count), f"merge.{level}", biased, swap)
    given.plain(next((head for head in names.heads if head + ".weight" in weights), names.heads[0]), "head")
    if names is UNETS[0]:
        given.skip(rf"downs\.{count - 1}\.", "that network never ran them, having its bottleneck in their place")
        given.skip(r"deep_outputs\.", "they serve the training alone")
    given.notes.append("The maps that are merged on the way up are taken to be in the order of "
                       + ("skip, then upsampled." if names.skip_first else "upsampled, then skip."))
    return given.finish(network, "U-Net", "unet_spherohq", channels)


def double(given: Transfer, theirs: str, ours: str, biased: bool,
           change: Callable[[torch.Tensor], torch.Tensor] = lambda weight: weight) -> None:
    """Two convolutions, whatever they are called below the prefix; `change` is for the first."""
    convolutions, norms = given.layers(theirs)
    if not given.affine and not given.statistics:
        norms = ["", ""]
    if len(convolutions) != 2 or len(norms) != 2:
        given.problems.append(f"{theirs} has {len(convolutions)} convolutions and {len(norms)} normalisations, "
                              "not two of each.")
        given.left = {key for key in given.left if not key.startswith(theirs + ".")}
        return
    given.normalised(convolutions[0], norms[0], (f"{ours}.0", f"{ours}.1"), biased, change)
    given.normalised(convolutions[1], norms[1], (f"{ours}.3", f"{ours}.4"), biased)


# By a pattern that the names of no other family match.
FAMILIES = (
    (r"stage2\.0\.branches\.", hrnet),
    (r"(downs|ups|bottleneck)\.\d+\.cbam\.", cbam_resunet),
    (r"(init_conv|inc|enc(oder)?1)\.", unet),
)
