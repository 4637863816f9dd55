"""Reads the weights out of somebody else's PyTorch checkpoint, and nothing but the weights.

`torch.save` writes a ZIP archive: a pickle, and beside it the numbers of each storage that the pickle names. A pickle
may call any function of Python when it is read. Here it can call what makes tensors and no more, by the same rule under
every version of PyTorch: PyTorch's own reader of weights alone refuses a file with scores or settings beside them, as
most checkpoints have, and could be got round before 2.6.
"""

import math
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch

# Where trainings keep the weights among other things.
WRAPPERS = ("model_state_dict", "state_dict", "model")

# What a network that several GPUs trained has before each of its names.
PARALLEL = "module."

STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


class Refused(Exception):
    """Why a checkpoint is not imported: one sentence or more."""

    def __init__(self, *sentences: str):
        super().__init__("\n".join(sentences))


def read(path: Path) -> dict[str, torch.Tensor]:
    """The weights in the file, by the names that they have in its network. Raises `Refused`."""
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise Refused(f"{path.name} is not a PyTorch checkpoint, or one of PyTorch before 1.6: "
                          "load it and save it again with a newer one.")
        with zipfile.ZipFile(file) as archive:
            return unwrap(load(archive, path.name))


def load(archive: zipfile.ZipFile, called: str) -> object:
    """What `torch.save` was given, as far as it is tensors in plain containers. Raises `Refused`."""
    names = archive.namelist()
    if any(name.endswith("/constants.pkl") for name in names):
        raise Refused(f"{called} is a TorchScript program: save the state_dict() of its network.")
    pickles = [name for name in names if name.endswith("/data.pkl")]
    if len(pickles) != 1 or any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
        raise Refused(f"{called} is a ZIP archive, but not one that torch.save writes.")
    try:
        with archive.open(pickles[0]) as file:
            return Reader(file, archive, pickles[0].removesuffix("data.pkl")).load()
    except Refused:
        raise
    except Exception as error:  # a broken pickle raises whatever its bytes happen to hit
        raise Refused(f"{called} cannot be read: {error}.") from error


def unwrap(found: object) -> dict[str, torch.Tensor]:
    """The state dict in what a training saved. Raises `Refused` where there is none."""
    for _ in WRAPPERS:  # each may be in another
        if isinstance(found, dict):
            found = next((found[name] for name in WRAPPERS if isinstance(found.get(name), dict)), found)
    if not isinstance(found, dict):
        raise Refused("The file holds no state dict. If it holds a whole network, save its state_dict() instead.")
    weights = {str(name): value for name, value in found.items() if isinstance(value, torch.Tensor)}
    if not weights:
        raise Refused("The file holds no weights: neither itself nor under " + ", ".join(WRAPPERS) + ".")
    while all(name.startswith(PARALLEL) for name in weights):
        weights = {name.removeprefix(PARALLEL): value for name, value in weights.items()}
    return weights


class Reader(pickle.Unpickler):
    """An unpickler that can make tensors and plain containers. Whatever else a pickle asks for becomes `Unread`."""

    def __init__(self, file, archive: zipfile.ZipFile, folder: str):
        super().__init__(file)
        self.archive, self.folder = archive, folder

    def find_class(self, module: str, name: str) -> object:
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        return BUILDERS.get((module, name), Unread)

    def persistent_load(self, about: tuple) -> torch.Tensor:
        """The numbers of a storage, [numel]; `about` is ("storage", its type, its file, the device, numel)."""
        _, dtype, file, _, _ = about
        if not isinstance(dtype, torch.dtype):
            raise Refused("The checkpoint has numbers of a kind that no weight is made of.")
        numbers = bytearray(self.archive.read(f"{self.folder}data/{file}"))
        return torch.frombuffer(numbers, dtype=dtype) if numbers else torch.empty(0, dtype=dtype)


class Unread:
    """Stands for whatever is no tensor: a score, a setting, a program. Takes anything, does nothing."""

    def __new__(cls, *_arguments, **_named):
        return super().__new__(cls)

    def __init__(self, *_arguments, **_named):
        pass

    def __call__(self, *_arguments, **_named):
        return self

    def __setstate__(self, _state):
        pass

    def __setitem__(self, _key, _value):
        pass

    def append(self, _value):
        pass

    extend = append


def build_tensor(storage: torch.Tensor, offset: int, size: tuple, stride: tuple, *_rest) -> torch.Tensor:
    """A tensor as PyTorch pickles it. Its storage bounds its size, so that a file cannot ask for more than it has."""
    if math.prod(size) > storage.numel():
        raise Refused(f"A tensor of {math.prod(size)} numbers has only {storage.numel()} of them in the file.")
    return storage.as_strided(size, stride, offset)


BUILDERS = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): build_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): build_tensor,
    ("torch._utils", "_rebuild_parameter"): lambda tensor, *_rest: tensor,
    ("torch._utils", "_rebuild_parameter_with_state"): lambda tensor, *_rest: tensor,
}
