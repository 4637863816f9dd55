"""Makes a model smaller and faster by computing with coarser numbers: float16 for GPUs, int8 for CPUs.

Either keeps in float32 what comes before the network's first convolution and what follows its last: sums over a whole
picture overflow a float16, and eight bits of a picture or of a logit would move outlines.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from . import data, images, synth
from .recipes import Recipe

CALIBRATING = 24  # pictures of each training set

# What ONNX Runtime computes in integers. Whole chains of these matter most: each change to float and back costs as
# much as it saves.
QUANTISED = ("Conv", "Relu", "MaxPool", "Concat", "Resize", "Add", "Mul")


def float16(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with weights and inner tensors of float16; it takes and gives what it did."""
    model = onnx.shape_inference.infer_shapes(model)
    graph = model.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    constants = [node for node in graph.node if node.op_type == "Constant"]
    weights.update((node.output[0], numpy_helper.to_array(node.attribute[0].t)) for node in constants)
    floats = {value.name for value in graph.value_info if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    floats |= {name for name, weight in weights.items() if weight.dtype == np.float32}
    ends = {node.output[0] for node in at_the_ends(model) if node.op_type != "Conv"}
    single = ends | weights.keys()  # tensors that are float32, if they are floats
    nodes, used = [], {}

    def as_taken(name: str, half: bool) -> str:
        """What a node takes that wants the tensor in float16, or in float32; made where it is the first."""
        if name not in floats or half != (name in single):
            if name in weights:
                used[name] = weights[name]
            return name
        other = f"{name}_{'half' if half else 'single'}"
        if name in weights:
            used[other] = weights[name].astype(np.float16)
        elif all(other not in node.output for node in nodes):
            to = TensorProto.FLOAT16 if half else TensorProto.FLOAT
            nodes.append(helper.make_node("Cast", [name], [other], name=other, to=to))
        return other

    for node in graph.node:
        if node.op_type == "Constant":
            continue  # is a weight now
        half = node.output[0] not in ends
        # A Resize has scales of float32 always.
        taken = [as_taken(name, half and not (node.op_type == "Resize" and index > 0)) for index, name in enumerate(node.input)]
        changed = onnx.NodeProto()
        changed.CopyFrom(node)
        changed.input[:] = taken
        nodes.append(changed)
    initializers = [numpy_helper.from_array(weight, name) for name, weight in used.items()]
    for field, contents in ((graph.node, nodes), (graph.initializer, initializers), (graph.value_info, [])):
        del field[:]
        field.extend(contents)
    return model


def int8(model: onnx.ModelProto, pictures: list[np.ndarray]) -> onnx.ModelProto:
    """The model with weights of int8, scaled by output channel, and inner tensors of uint8, whose ranges are those that
    the pictures, uint8 [side, side, channels] as the hub gives them, show. The first and the last convolution stay.

    A range leaves out the farthest of 200 000 values at either end: a few bright pixels would take the steps from all
    others. (Ranges from least to greatest cost twice as much Dice; those of 99.9 % cost even more.)
    """
    with tempfile.TemporaryDirectory() as folder:
        plain, prepared, quantised = (str(Path(folder) / name) for name in ("plain", "prepared", "quantised"))
        onnx.save(model, plain)
        quant_pre_process(plain, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared, quantised, Calibration(pictures),
            op_types_to_quantize=list(QUANTISED),
            nodes_to_exclude=[node.name for node in at_the_ends(onnx.load(prepared))],
            per_channel=True,
            activation_type=QuantType.QUInt8,  # uint8 by int8 is what VNNI multiplies
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile,
            # The stride, in spite of its name, is for every method: pictures whose inner tensors are in memory at once.
            extra_options={"CalibTensorRangeSymmetric": False, "CalibStridedMinMax": 1},
        )
        made = onnx.load(quantised)
    # Not what the steps noted for each other.
    del made.metadata_props[:]
    made.metadata_props.extend(model.metadata_props)
    return made


def at_the_ends(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The first and last convolutions, and what is before or after them all."""
    nodes = model.graph.node
    return [*before_convolutions(nodes, "input", "output"), *before_convolutions(nodes[::-1], "output", "input")]


def before_convolutions(nodes: list[onnx.NodeProto], takes: str, gives: str) -> list[onnx.NodeProto]:
    """The nodes that no path leads to from a convolution; they are in the order in which paths go."""
    behind: set[str] = set()  # tensors
    found = []
    for node in nodes:
        first = behind.isdisjoint(getattr(node, takes))
        if first:
            found.append(node)
        if not first or node.op_type == "Conv":
            behind.update(name for name in getattr(node, gives) if name)
    return found


class Calibration(CalibrationDataReader):
    """Gives pictures to a model, one at a time."""

    def __init__(self, pictures: list[np.ndarray]):
        self.pictures = pictures
        self.set_range(0, len(pictures))

    def __len__(self) -> int:
        return len(self.pictures)

    def set_range(self, start_index: int, end_index: int) -> None:
        self.rest = iter(self.pictures[start_index:end_index])

    def get_next(self) -> dict[str, np.ndarray] | None:
        picture = next(self.rest, None)
        return None if picture is None else {"image": picture[None]}


def calibrating(recipe: Recipe, folder: Path) -> list[np.ndarray]:
    """Pictures of the sets that the recipe's model learnt from, as the hub would give them to it."""
    pictures = []
    for name in sorted({name for phase in recipe.phases for name in phase.mix}):
        if name == "synthetic":
            pictures += [synth.spheroids(seed, recipe.side).image for seed in range(CALIBRATING)]
            continue
        files = data.TRAINING[name].files(folder)
        step = max(1, len(files) // CALIBRATING)
        pictures += [seen(recipe, images.read_image(file, recipe.channels)) for file in files[::step][:CALIBRATING]]
    return pictures


def seen(recipe: Recipe, image: np.ndarray) -> np.ndarray:
    """The image as the model's input; of one that is cut into tiles, the first."""
    if recipe.scaling == "fit":
        return images.fit(image, recipe.side)[0]
    return images.continued(np.rint(images.stretch(image)).astype(np.uint8), recipe.side)
