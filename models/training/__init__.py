"""Makes the weights in models/weights: data, augmentation, training, evaluation and export.

    sets on disk --data--> Pair --augment--> crop --train--> checkpoint --export--> models/weights/ID.onnx
    synth.py ----^                                               \\--evaluate--> scores in the file's metadata

What a model is called, built like and trained on is one entry of `recipes.RECIPES`. Run the modules
from the repository's root, as README.md says.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before a module imports ONNX Runtime, which would report to its maker
