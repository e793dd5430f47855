"""The same networks in PyTorch: what `yolua bench` is compared with. Prints one JSON document.

    python3 peer.py CFG train|infer BATCH [SECONDS] [--size 416] [--eager] [--device cuda|cpu]

As fast as PyTorch is: channels_last, autocast to bf16, torch.compile with CUDA graphs; --eager leaves out the compiling. Its training step
has a loss that costs nothing, the mean square of the heads' inputs, where yolua's computes the detector's.
"""
import argparse
import json
import statistics
import sys
import time

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError as error:
    print(f"SKIP PyTorch cannot be imported: {error}")
    sys.exit(77)

ACTIVATIONS = {
    "linear": nn.Identity, "leaky": lambda: nn.LeakyReLU(0.1), "relu": nn.ReLU, "mish": nn.Mish, "logistic": nn.Sigmoid,
    "swish": nn.SiLU, "relu6": nn.ReLU6,
}


def sections(path):
    """[(name, {key: value})] of a Darknet cfg file."""
    found = []
    for line in open(path):
        line = line.split("#")[0].strip()
        if line.startswith("["):
            found.append((line.strip("[]"), {}))
        elif "=" in line:
            key, value = line.split("=", 1)
            found[-1][1][key.strip()] = value.strip()
    return found


def convolution(o, channels):
    size, filters = int(o.get("size", 1)), int(o["filters"])
    normalize = int(o.get("batch_normalize", 0))
    pad = size // 2 if int(o.get("pad", 0)) else int(o.get("padding", 0))
    parts = [nn.Conv2d(channels, filters, size, int(o.get("stride", 1)), pad, groups=int(o.get("groups", 1)), bias=not normalize)]
    parts += [nn.BatchNorm2d(filters)] if normalize else []
    return nn.Sequential(*parts, ACTIVATIONS[o.get("activation", "logistic")]()), filters


class MaxPool(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.size, self.stride = int(o.get("size", o.get("stride", 2))), int(o.get("stride", 1))

    def forward(self, x):
        pad = self.size - 1
        return F.max_pool2d(F.pad(x, (pad // 2, pad - pad // 2) * 2, value=float("-inf")), self.size, self.stride)


class Network(nn.Module):
    def __init__(self, path):
        super().__init__()
        (_, net), *rest = sections(path)
        self.h, self.w, self.c = int(net["height"]), int(net["width"]), int(net.get("channels", 3))
        self.plan, self.layers, channels = [], nn.ModuleList(), [self.c]
        for i, (kind, o) in enumerate(rest):
            layer, sources, out = nn.Identity(), [i], channels[-1]
            if kind == "convolutional":
                layer, out = convolution(o, channels[-1])
            elif kind == "maxpool":
                layer = MaxPool(o)
            elif kind == "upsample":
                layer = nn.Upsample(scale_factor=int(o.get("stride", 2)), mode="nearest")
            elif kind == "reorg":
                layer, out = nn.PixelUnshuffle(int(o.get("stride", 2))), out * int(o.get("stride", 2)) ** 2
            elif kind == "dropout":
                layer = nn.Dropout(float(o.get("probability", 0.5)))
            elif kind in ("route", "shortcut"):
                named = [int(n) for n in o.get("layers", o.get("from")).split(",")]
                sources = [(n if n >= 0 else i + n) + 1 for n in named]
                if kind == "shortcut":
                    sources = [i] + sources
                    layer = ACTIVATIONS[o.get("activation", "linear")]()
                else:
                    groups = int(o.get("groups", 1))
                    out = sum(channels[s] for s in sources) // groups
            elif kind not in ("yolo", "region"):
                sys.exit(f"peer.py: {path}: [{kind}] is unknown")
            self.plan.append((kind, sources, int(o.get("groups", 1)), int(o.get("group_id", 0))))
            self.layers.append(layer)
            channels.append(out)

    def forward(self, x):
        values, heads = [x], []
        for (kind, sources, groups, group), layer in zip(self.plan, self.layers):
            read = [values[s] for s in sources]
            if kind == "route":
                read = [r.chunk(groups, 1)[group] for r in read]
                y = torch.cat(read, 1) if len(read) > 1 else read[0]
            elif kind == "shortcut":
                y = layer(sum(read[1:], read[0]))
            else:
                y = layer(read[0])
            if kind in ("yolo", "region"):
                heads.append(y)
            values.append(y)
        return heads


def stepper(o, net, x):
    """A function that does one forward pass, or one training step."""
    context = lambda: torch.autocast(o.device, torch.bfloat16)
    run = net if o.eager else torch.compile(net, mode="reduce-overhead")
    if o.mode == "infer":
        net.eval()

        def infer():
            with torch.no_grad(), context():
                return run(x)
        return infer
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-6, momentum=0.9, fused=o.device == "cuda" or None)

    def train():
        optimizer.zero_grad(set_to_none=True)
        with context():
            loss = sum(head.float().square().mean() for head in run(x))
        loss.backward()
        optimizer.step()
    return train


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cfg")
    parser.add_argument("mode", choices=["train", "infer"])
    parser.add_argument("batch", type=int)
    parser.add_argument("seconds", type=float, nargs="?", default=5)
    parser.add_argument("--size", type=int, help="of the square input; the cfg's unless told")
    parser.add_argument("--eager", action="store_true")
    parser.add_argument("--device", default="cuda")
    o = parser.parse_args()
    if o.device == "cuda" and not torch.cuda.is_available():
        print("SKIP PyTorch finds no GPU")
        sys.exit(77)
    torch.manual_seed(1)
    wait = torch.cuda.synchronize if o.device == "cuda" else lambda: None
    net = Network(o.cfg).to(o.device, memory_format=torch.channels_last)
    h, w = (o.size, o.size) if o.size else (net.h, net.w)
    x = torch.rand(o.batch, net.c, h, w, device=o.device).to(memory_format=torch.channels_last)
    step = stepper(o, net, x)
    for _ in range(3):
        step()
    wait()
    times, end = [], time.perf_counter() + o.seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        step()
        wait()
        times.append(time.perf_counter() - start)
    median = statistics.median(times)
    print(json.dumps({"torch": torch.__version__, "mode": o.mode, "batch": o.batch, "compiled": not o.eager,
                      "median_ms": 1e3 * median, "images_per_s": o.batch / median}))


main()
