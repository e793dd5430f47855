#!/bin/bash
# Torch-Pruning 1.6.1: channels are miscounted across a space-to-depth layer (YOLOv2's passthrough).
#
# Guess: the dependency graph knows that PixelUnshuffle by 2 turns each channel into four, so that removing 2 of the 8 channels before it
#   removes 8 of the 32 inputs of the convolution behind it; and that it also follows the same layer written as view and permute.
# Behaviour: PixelUnshuffle counts as an element-wise operation: only inputs 1 and 5 go, where 4 to 7 and 20 to 23 should. Written as two
#   reshapes around a permute, each reshape multiplies by four: all 32 inputs are listed, with repeats, and 16 of
#   the 32 columns of weights go instead of 8. No error is raised at the cut;
#   the pruned network's next forward pass raises one about the number of channels.
# What follows: in yolua a layer's descriptor says which output channels come from which inputs, and reorg's answer is exact.
#
# Prints what it saw and fails where that changed. Needs Python 3.11 or later with pip, and about 6 GB of disk while it runs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$folder" torch-pruning==1.6.1 torch==2.15.0 numpy==2.4.6 \
  2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }
PYTHONPATH=$folder python3 - <<'PY'
import importlib.metadata

import torch
import torch_pruning


class Passthrough(torch.nn.Module):
    """A convolution, space-to-depth by 2, and a convolution over the result."""

    def __init__(self, permuted):
        super().__init__()
        self.permuted = permuted
        self.before = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.after = torch.nn.Conv2d(32, 16, 1)

    def forward(self, x):
        x = self.before(x).relu()
        if self.permuted:
            n, c, h, w = x.shape
            x = x.view(n, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4).reshape(n, 4 * c, h // 2, w // 2)
        else:
            x = torch.nn.functional.pixel_unshuffle(x, 2)
        return self.after(x)


print("Torch-Pruning", importlib.metadata.version("torch-pruning"))
for permuted, left in ((False, 30), (True, 16)):
    net, picture = Passthrough(permuted), torch.zeros(1, 3, 8, 8)
    graph = torch_pruning.DependencyGraph().build_dependency(net, example_inputs=picture)
    graph.get_pruning_group(net.before, torch_pruning.prune_conv_out_channels, idxs=[1, 5]).prune()
    got = net.after.weight.shape[1]
    print("permute:" if permuted else "PixelUnshuffle:", "6 of 8 channels kept;", got, "of 32 inputs kept, 24 expected")
    assert got == left, "the inputs that are kept have changed"
    try:
        net(picture)
        raise SystemExit("the pruned network runs now")
    except RuntimeError as error:
        print("the next forward pass:", error)
print("as seen before: the inputs behind space-to-depth are miscounted")
PY
