#!/bin/bash
# safetensors 0.8.0: a file does not keep the order in which its tensors were given.
#
# Guess: the header names the tensors, and the bytes hold them, in the order of the dict that save_file was given, as torch.save does;
#   so a network's parameters can be read off in the order of its layers.
# Behaviour: tensors are sorted by the size of their numbers, the largest first, then by name, in the header and in the bytes. A state dict
#   with conv10 and conv2 comes back with conv10 first; one int64 counter (num_batches_tracked of a batch-norm) goes before all of its floats.
# What follows: yolua finds tensors by name only, and keeps the order of layers in its own metadata.
#
# Prints what it saw and fails where that changed. Needs Python 3.11 or later with pip.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$folder" safetensors==0.8.0 numpy==2.4.6 \
  2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
PYTHONPATH=$folder python3 - "$folder/net.safetensors" <<'PY'
import importlib.metadata
import json
import sys

import numpy
from safetensors import numpy as safetensors

print("safetensors", importlib.metadata.version("safetensors"))
given = {
    "conv2.weight": numpy.full(4, 2, numpy.float32),
    "conv2.half": numpy.full(2, 3, numpy.float16),
    "conv10.weight": numpy.full(4, 10, numpy.float32),
    "conv10.steps": numpy.full(1, 7, numpy.int64),
}
safetensors.save_file(given, sys.argv[1])
with open(sys.argv[1], "rb") as file:
    header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
by_place = sorted(header, key=lambda name: header[name]["data_offsets"][0])
print("given:    ", *given)
print("in header:", *header)
print("in bytes: ", *by_place)
sorted_by_size = ["conv10.steps", "conv10.weight", "conv2.weight", "conv2.half"]
assert list(header) == by_place == sorted_by_size, "the order has changed"
print("as seen before: by the size of numbers, then by name")
PY
