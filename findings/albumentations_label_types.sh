#!/bin/bash
# Albumentations 2.0.8: whole-number class labels come back from a transformation as floats.
#
# Guess: labels named in `label_fields` are carried along untouched, so that [3, 7] comes back as [3, 7].
# Behaviour: Compose encodes label fields as float32 and returns Python floats: [3.0, 7.0]. Only a numpy array's values, not its
#   integer type, survive too. A program that writes YOLO label files with str() thus writes "3.0 0.75 ..." where "3 0.75 ..." was read.
# What follows: yolua reads a class written as 3.0 as class 3 and refuses 3.5 (runtime/formats/labels.c).
#
# Prints what it saw and fails where that changed. Needs Python 3.11 or later with pip.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$folder" albumentations==2.0.8 numpy==2.2.6 \
  opencv-python-headless==4.12.0.88 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
PYTHONPATH=$folder NO_ALBUMENTATIONS_UPDATE=1 python3 - <<'PY'
import albumentations, numpy
flip = albumentations.Compose([albumentations.HorizontalFlip(p=1)],
                              bbox_params=albumentations.BboxParams(format="yolo", label_fields=["classes"]))
picture = numpy.zeros((100, 200, 3), numpy.uint8)
boxes = [[0.25, 0.5, 0.2, 0.2], [0.5, 0.5, 0.1, 0.1]]
print("albumentations", albumentations.__version__)
for given in ([3, 7], numpy.array([3, 7])):
    got = flip(image=picture, bboxes=boxes, classes=given)["classes"]
    print(f"given {given!r}: got {got!r}")
    assert list(got) == [3, 7] and all(type(c) is float for c in got), "the labels' type is not float any more"
print("as seen before: integers come back as floats")
PY
