#!/bin/bash
# torchvision 0.29.2: batched_nms lets a box of one class suppress a box of another where coordinates are negative.
#
# Guess: batched_nms suppresses within a class only, as its documentation says, whatever the boxes.
# Behaviour: up to 1000 boxes on the CPU, each class is moved by its number times (largest coordinate + 1) and one plain suppression
#   runs over all. A box that reaches left of or above the picture, as a detector's unclipped boxes do, then lies on the previous
#   class's boxes: [-11, -11, -1, -1] of class 1 lands exactly on [90, 90, 100, 100] of class 0 and is lost. Both are kept where they
#   are of the same class, and where they are clipped.
# What follows: yolua sorts by class and suppresses each class alone (runtime/detect); it never moves boxes.
#
# Prints what it saw and fails where that changed. Needs Python 3.11 or later with pip, and about 6 GB of disk while it runs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$folder" torchvision==0.29.2 torch==2.15.0 numpy==2.4.6 \
  2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
PYTHONPATH=$folder python3 - <<'PY'
import torch, torchvision
from torchvision.ops import batched_nms

boxes = torch.tensor([[90.0, 90, 100, 100], [-11, -11, -1, -1]])
scores = torch.tensor([0.9, 0.8])
other, same = (batched_nms(boxes, scores, torch.tensor(classes), 0.5).tolist() for classes in ([0, 1], [0, 0]))
clipped = batched_nms(boxes.clamp(min=0), scores, torch.tensor([0, 1]), 0.5).tolist()
print("torchvision", torchvision.__version__)
print("two boxes that do not touch; kept where their classes differ:", other)
print("kept where their classes are the same:", same)
print("kept where the classes differ and the boxes are clipped:", clipped)
assert other == [0], "boxes of different classes no longer suppress each other"
assert same == [0, 1] and clipped == [0, 1]
print("as seen before: a box is lost to another class")
PY
