#!/bin/bash
# pycocotools 2.0.11: a detection that matches the annotation with id 0 counts as a false one.
#
# Guess: the ids of annotations are names: any distinct whole numbers serve, as for images and categories, so a converter may count from 0.
# Behaviour: a match is kept as the annotation's id, and 0 is how "no match" is written. Of two objects found exactly, the one with id 0 is
#   both missed and a false detection: AP is .252 instead of 1, with no warning. Ids from 1 on give 1.
# What follows: yolua matches by position and takes COCO files with any ids. Figures of a file that counts from 0 differ from the reference's.
#
# Prints what it saw and fails where that changed. Needs Python 3.11 or later with pip.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$folder" pycocotools==2.0.11 numpy==2.4.6 \
  2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
PYTHONPATH=$folder python3 - <<'PY'
import contextlib
import importlib.metadata
import io

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

print("pycocotools", importlib.metadata.version("pycocotools"))
BOX = [10, 10, 40, 40]
for first, expected in ((1, 1.0), (0, 25.5 / 101)):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": i, "width": 99, "height": 99} for i in (1, 2)],
            "categories": [{"id": 1, "name": "car"}],
            "annotations": [
                {"id": first + i, "image_id": 1 + i, "category_id": 1, "bbox": BOX, "area": 1600, "iscrowd": 0} for i in (0, 1)
            ],
        }
        truth.createIndex()
        found = truth.loadRes([{"image_id": i, "category_id": 1, "bbox": BOX, "score": 0.9} for i in (1, 2)])
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    print(f"annotations {first} and {first + 1}: AP {evaluation.stats[0]:.4f}")
    assert abs(evaluation.stats[0] - expected) < 1e-9, "the figure has changed"
print("as seen before: the match of annotation 0 is lost")
PY
