#!/bin/bash
# torchmetrics 1.9.0: mean average precision is -1 where the detections per image are not limited to 100, with map_50 beside it as it should be.
#
# Guess: max_detection_thresholds=[1, 10, 500] lets 500 detections of an image count, in map as in map_50 and mar_500; detections that are
#   the objects themselves give 1 everywhere.
# Behaviour: map_50, map_75 and mar_500 are 1, map is -1, which elsewhere means that there are no objects. No warning is given.
#   The summary of pycocotools 2.0.11, which makes the figures, looks for the row of 100 detections where it takes the mean over all
#   overlaps, and answers -1 where there is none; the others look for the last row. The same holds for fewer than 100.
# What follows: yolua's coco protocol has the reference's limits, 1, 10 and 100 detections of an image, and offers no others.
#
# Prints what it saw and fails where that changed. Needs Python 3.11 or later with pip, and about 6 GB of disk while it runs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$folder" torchmetrics==1.9.0 pycocotools==2.0.11 torch==2.15.0 \
  torchvision==0.29.2 numpy==2.4.6 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
PYTHONPATH=$folder python3 - <<'PY'
import importlib.metadata

import torch
from torchmetrics.detection import MeanAveragePrecision

print("torchmetrics", importlib.metadata.version("torchmetrics"), "pycocotools", importlib.metadata.version("pycocotools"))
boxes, labels = torch.tensor([[10.0, 10, 60, 60], [100, 100, 150, 150]]), torch.tensor([0, 0])
for limits, expected in (([1, 10, 100], 1), ([1, 10, 500], -1), ([1, 5, 50], -1)):
    metric = MeanAveragePrecision(max_detection_thresholds=limits)
    metric.update([{"boxes": boxes, "scores": torch.tensor([0.9, 0.8]), "labels": labels}], [{"boxes": boxes, "labels": labels}])
    got = metric.compute()
    most = got[f"mar_{limits[-1]}"].item()
    print(limits, "map", got["map"].item(), "map_50", got["map_50"].item(), f"mar_{limits[-1]}", most)
    assert (got["map"].item(), got["map_50"].item(), most) == (expected, 1, 1), "the figures have changed"
print("as seen before: map is -1 without a row of 100 detections")
PY
