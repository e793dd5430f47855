#!/bin/bash
# TensorFlow Model Optimization 0.8.0: a pruning schedule does not reach its final sparsity, or prunes nothing, and says nothing of it.
#
# Guess: PolynomialDecay(0, final_sparsity=0.9, begin_step=0, end_step=N) leaves 90 % zeros once N steps are done, whatever N is.
# Behaviour: masks change every `frequency` steps from begin_step on, 100 by default, and end_step has no update of its own. So the last
#   update is at the last multiple of 100, with the sparsity of that step: 89.3 % for N = 250, 78.9 % for N = 199, and for a training of
#   fewer than 100 steps only the update of step 0, which asks for no zeros: 0 %. Steps after N do not make up for it.
#   A frequency that divides N gives 90 %.
# What follows: yolua's schedules are asked once a round, and the last round asks for the target, however many steps a round has.
#
# Prints what it saw and fails where that changed. Needs Python 3.11 or 3.12 with pip, and about 2 GB of disk while it runs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$folder" tensorflow-model-optimization==0.8.0 \
  tensorflow-cpu==2.19.1 tf-keras==2.19.0 numpy==1.26.4 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
TF_USE_LEGACY_KERAS=1 TF_CPP_MIN_LOG_LEVEL=3 PYTHONPATH=$folder python3 - 2>"$folder/log" <<'PY' || { cat "$folder/log" >&2; exit 1; }
import importlib.metadata

import numpy
import tf_keras
from tensorflow_model_optimization.sparsity import keras as sparsity


def zeros(steps, **schedule):
    """The share of zeros among 1000 weights after so many steps of training to 90 %."""
    pruned = sparsity.prune_low_magnitude(
        tf_keras.layers.Dense(100, input_shape=(10,)),
        pruning_schedule=sparsity.PolynomialDecay(initial_sparsity=0.0, final_sparsity=0.9, begin_step=0, **schedule),
    )
    net = tf_keras.Sequential([pruned])
    net.compile("sgd", "mse")
    x, y = numpy.random.default_rng(1).normal(size=(steps, 10)), numpy.zeros((steps, 100))
    net.fit(x, y, batch_size=1, verbose=0, callbacks=[sparsity.UpdatePruningStep()])
    weights = sparsity.strip_pruning(net).layers[0].get_weights()[0]
    return (weights == 0).mean()


print("tensorflow-model-optimization", importlib.metadata.version("tensorflow-model-optimization"))
for steps, end, frequency, expected in (
    (400, 300, 100, 0.9),
    (300, 250, 100, 0.893),
    (250, 199, 100, 0.789),
    (120, 99, 100, 0.0),
    (120, 99, 10, 0.899),
    (120, 99, 1, 0.9),
):
    got = zeros(steps, end_step=end, frequency=frequency)
    print(f"{steps} steps, end_step={end}, frequency={frequency}: {100 * got:.1f} % zeros")
    assert abs(got - expected) < 5e-4, "the sparsity has changed"
print("as seen before: 90 % only where the frequency divides end_step")
PY
