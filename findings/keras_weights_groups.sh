#!/bin/bash
# Keras 3.15.1: in a .weights.h5 file, the group layers/dense_1 is not the layer that is called dense_1.
#
# Guess: save_weights writes each layer under its name, as Keras 2's files and today's whole-model .h5 do.
# Behaviour: groups are numbered per class in the order of model.layers, which follows the depth in the graph. A branch that was made
#   later and begins earlier (YOLOv2's passthrough is one) changes places with the layers beside it, so that dense_1 and dense_2 are
#   exchanged. The names are nowhere in the file. model.load_weights is not affected, since it counts alike.
# What follows: yolua's weights=FILE.h5 goes by shapes and order, not by names (lua/yolua/model/keras.lua).
#
# Prints what it saw and fails where that changed. Needs Python 3.11 or later with pip, and about 150 MB of disk while it runs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$folder" keras==3.15.1 numpy==2.4.6 h5py==3.16.0 \
  2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
cd "$folder" && KERAS_BACKEND=numpy PYTHONPATH=$folder python3 - <<'PY' 2>/dev/null
import h5py, keras
from keras import layers

x = keras.Input((4,))
trunk = layers.Dense(5, name="dense")(x)
end = layers.Dense(6, name="dense_1")(trunk)
branch = layers.Dense(7, name="dense_2")(trunk)  # made after dense_1, and further from the output
branch = layers.Activation("relu")(layers.Activation("relu")(branch))
model = keras.Model(x, layers.Concatenate()([end, branch]))
model.save_weights("net.weights.h5")
with h5py.File("net.weights.h5") as file:
    found = {name: file[f"layers/{name}/vars/0"].shape for name in ("dense_1", "dense_2")}
own = {name: tuple(model.get_layer(name).kernel.shape) for name in ("dense_1", "dense_2")}
print("keras", keras.__version__)
print("layers of the model:  ", own)
print("groups of the file:   ", found)
assert found["dense_1"] == own["dense_2"] and found["dense_2"] == own["dense_1"], "this has changed"
PY
