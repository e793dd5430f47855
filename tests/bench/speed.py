"""yolua beside other runtimes on the same network, in turn: seconds per run, and how many times as fast yolua is.

    python3 tests/bench/speed.py --yolua build/yolua --cfg NET.cfg [--weights NET.weights] [--mode infer|train] [--batch 1]
        [--imgsz 320] [--threads 1] [--rounds 7] [--seconds 1] [--peers onnxruntime,openvino,ncnn,torch,torch_compiled]
        [--precision bf16] [--precision int8 --model CALIBRATED.safetensors]

Needs torch, and those peers that are to run: onnxruntime with onnx, openvino, ncnn with pnnx. The network is rebuilt in PyTorch from the
cfg and exported by it; weights are random there, which the time does not depend on. Inference is up to the inputs of the heads;
PyTorch's training step has the mean square of the heads as its loss, and SGD with momentum.

With --precision int8 yolua runs the calibrated checkpoint, ONNX Runtime what its own tools make of the exported network (QDQ, bytes per
channel), and OpenVINO and ncnn what yolua exports of the checkpoint; of OpenVINO's two readings (its own QDQ file, or ONNX Runtime's) the
faster one counts. --precision f32 --model compares yolua's own f32.

With --precision bf16 the peers are torch and torch_compiled, with torch.autocast("cpu", dtype=torch.bfloat16).

Each round asks yolua and each peer for their best time in some seconds. Printed are the median of the rounds, and the ratio
peer / yolua of each round: its median, lowest and highest. With one thread the ratio is that of processor time, which other work on
the machine changes least; with more it is that of the clock, and the machine has to be quiet. The table is Markdown, for RESULTS.md.
"""
import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("--yolua", default="build/yolua")
parser.add_argument("--cfg", required=True)
parser.add_argument("--weights")
parser.add_argument("--mode", choices=["infer", "train"], default="infer")
parser.add_argument("--batch", type=int, default=1)
parser.add_argument("--imgsz", type=int, default=320)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--seconds", type=float, default=1)
parser.add_argument("--precision", choices=["f32", "bf16", "int8"], default="f32")
parser.add_argument("--model", help="a checkpoint in place of cfg and weights, which yolua runs; the cfg is then that of the peers")
parser.add_argument("--peers", default="onnxruntime,openvino,ncnn,torch")
o = parser.parse_args()
if o.precision == "int8" and (o.mode == "train" or not o.model):
    sys.exit("speed.py: --precision int8 is for inference with --model, a checkpoint of yolua calibrate")
for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[name] = str(o.threads)

import numpy
import torch
from torch import nn

torch.set_num_threads(o.threads)


# ---- the network ---------------------------------------------------------------------------------------------------------


def read_cfg(path):
    sections = []
    for line in open(path):
        line = line.split("#")[0].strip()
        if line.startswith("["):
            sections.append((line[1:-1], {}))
        elif line:
            key, value = line.split("=", 1)
            sections[-1][1][key.strip()] = value.strip()
    return sections


ACTIVATIONS = {"linear": nn.Identity, "leaky": lambda: nn.LeakyReLU(0.1), "relu": nn.ReLU, "mish": nn.Mish, "swish": nn.SiLU,
               "logistic": nn.Sigmoid}


def convolution(section, channels):
    number = lambda key, default: int(section.get(key, default))
    size, filters, normalize = number("size", 1), number("filters", 1), number("batch_normalize", 0)
    padding = size // 2 if number("pad", 0) else number("padding", 0)
    layers = [nn.Conv2d(channels, filters, size, number("stride", 1), padding, groups=number("groups", 1), bias=not normalize)]
    if normalize:
        layers.append(nn.BatchNorm2d(filters, eps=1e-5))
    layers.append(ACTIVATIONS[section.get("activation", "logistic")]())
    return nn.Sequential(*layers), filters


class Reorg(nn.Module):
    """[reorg], up to the order of its channels."""

    def forward(self, x):
        return nn.functional.pixel_unshuffle(x, 2)


class Network(nn.Module):
    """What the cfg describes; the result is what its heads read, or the last layer's."""

    def __init__(self, path):
        super().__init__()
        self.sections = read_cfg(path)[1:]
        self.parts = nn.ModuleList()
        channels, c = [], 3
        for i, (kind, section) in enumerate(self.sections):
            part = nn.Identity()
            if kind == "convolutional":
                part, c = convolution(section, c)
            elif kind == "maxpool":
                stride = int(section.get("stride", 1))
                size = int(section.get("size", stride))
                part = nn.MaxPool2d(size, stride, size // 2) if size % 2 else nn.MaxPool2d(size, stride)
                if size == 2 and stride == 1:
                    part = nn.Sequential(nn.ReplicationPad2d((0, 1, 0, 1)), part)
            elif kind == "upsample":
                part = nn.Upsample(scale_factor=int(section.get("stride", 2)))
            elif kind == "dropout":
                part = nn.Dropout(float(section.get("probability", 0.5)))
            elif kind == "reorg":
                part, c = Reorg(), 4 * c
            elif kind in ("route", "shortcut"):
                at = [int(x) for x in section["layers" if kind == "route" else "from"].split(",")]
                section["at"] = [i + x if x < 0 else x for x in at]
                if kind == "route":
                    c = sum(channels[x] for x in section["at"])
            elif kind not in ("yolo", "region"):
                sys.exit("speed.py: [%s] is not rebuilt" % kind)
            channels.append(c)
            self.parts.append(part)

    def forward(self, x):
        outputs, heads = [], []
        for (kind, section), part in zip(self.sections, self.parts):
            if kind == "route":
                x = torch.cat([outputs[i] for i in section["at"]], 1)
            elif kind == "shortcut":
                x = x + outputs[section["at"][0]]
            elif kind in ("yolo", "region"):
                heads.append(x)
            else:
                x = part(x)
            outputs.append(x)
        return tuple(heads) or x


# ---- the runtimes: each is a version and a function that runs once --------------------------------------------------------

shape = (o.batch, 3, o.imgsz, o.imgsz)
picture = numpy.random.default_rng(1).random(shape, dtype=numpy.float32)


def exported(network, folder):
    path = os.path.join(folder, "net.onnx")
    torch.onnx.export(network.eval(), (torch.from_numpy(picture),), path, dynamo=False, input_names=["x"], verbose=False)
    return path


def quantised(network, folder):
    """What ONNX Runtime's tools make of the network; the ranges are of noise, which the time does not depend on."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Noise(CalibrationDataReader):
        left = 2

        def get_next(self):
            self.left -= 1
            return {"x": picture} if self.left >= 0 else None

    ready, path = os.path.join(folder, "ready.onnx"), os.path.join(folder, "int8.onnx")
    quant_pre_process(exported(network, folder), ready)
    quantize_static(ready, path, Noise(), quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8)
    return path


def ours(folder, ending):
    path = os.path.join(folder, "yolua" + ending)
    subprocess.run([o.yolua, "export", "model=" + o.model, "precision=" + o.precision, "imgsz=%dx%d" % (o.imgsz, o.imgsz), "out=" + path]
                   + (["batch=%d" % o.batch] if ending == ".onnx" else []), check=True, stdout=subprocess.DEVNULL)
    return path


def with_onnxruntime(network, folder):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = o.threads
    options.inter_op_num_threads = 1
    path = (quantised if o.precision == "int8" else exported)(network, folder)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return onnxruntime.__version__, lambda: session.run(None, {"x": picture})


def with_openvino(network, folder):
    import openvino

    options = {"INFERENCE_NUM_THREADS": o.threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    paths = [ours(folder, ".onnx"), quantised(network, folder)] if o.precision == "int8" else [exported(network, folder)]
    runs = []
    for path in paths:
        request = openvino.Core().compile_model(path, "CPU", options).create_infer_request()
        run = lambda request=request: request.infer({0: picture})
        run()
        runs.append((best(run, o.seconds)[0], len(runs), run))
    return openvino.__version__.split("-")[0], min(runs)[2]


def with_ncnn(network, folder):
    import ncnn

    param, entry = os.path.join(folder, "net.ncnn.param"), "in0"
    if o.precision == "int8":
        param, entry = ours(folder, ".param"), "image"
    else:
        import pnnx

        pnnx.export(network.eval(), os.path.join(folder, "net.pt"), torch.from_numpy(picture[:1]))
    net = ncnn.Net()
    net.opt.num_threads = o.threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
    net.load_param(param)
    net.load_model(os.path.splitext(param)[0] + ".bin")
    names = list(net.output_names())

    def run():
        for image in picture:  # it has no batches
            extractor = net.create_extractor()
            extractor.input(entry, ncnn.Mat(image))
            for name in names:
                extractor.extract(name)

    return ncnn.__version__, run


def with_torch(network, folder, compiled=False):
    x = torch.from_numpy(picture).to(memory_format=torch.channels_last)
    network = network.to(memory_format=torch.channels_last)
    network = torch.compile(network) if compiled else network
    cast = lambda: torch.autocast("cpu", dtype=torch.bfloat16, enabled=o.precision == "bf16")
    if o.mode == "infer":
        network.eval()

        def run():
            with torch.no_grad(), cast():
                network(x)

        return torch.__version__, run
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-6, momentum=0.9)

    def step():
        optimizer.zero_grad()
        with cast():
            heads = network(x)
        sum((h.float()**2).mean() for h in (heads if isinstance(heads, tuple) else (heads,))).backward()
        optimizer.step()

    return torch.__version__, step


PEERS = {"onnxruntime": with_onnxruntime, "openvino": with_openvino, "ncnn": with_ncnn, "torch": with_torch,
         "torch_compiled": lambda network, folder: with_torch(network, folder, True)}


# ---- in turn -------------------------------------------------------------------------------------------------------------


def best(run, seconds):
    end, cpu, wall = time.perf_counter() + seconds, float("inf"), float("inf")
    while True:
        clock, used = time.perf_counter(), time.process_time()
        run()
        cpu, wall = min(cpu, time.process_time() - used), min(wall, time.perf_counter() - clock)
        if time.perf_counter() >= end:
            return cpu, wall


class Yolua:
    def __init__(self):
        words = [o.yolua, os.path.join(os.path.dirname(__file__), "speed.lua"), "mode=" + o.mode, "precision=" + o.precision,
                 "batch=%d" % o.batch, "imgsz=%dx%d" % (o.imgsz, o.imgsz), "threads=%d" % o.threads]
        words += ["model=" + o.model] if o.model else ["cfg=" + o.cfg, "names=coco"]
        if o.weights and not o.model:
            words.append("weights=" + o.weights)
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ready = self.process.stdout.readline().split()
        if not ready or ready[0] != "ready":
            sys.exit("speed.py: yolua did not start")
        self.parameters = int(ready[1])

    def best(self, seconds):
        print(seconds, file=self.process.stdin, flush=True)
        return tuple(float(x) for x in self.process.stdout.readline().split())


def features():
    flags, model = set(), platform.processor()
    for line in open("/proc/cpuinfo"):
        if line.startswith("flags"):
            flags = set(line.split(":")[1].split())
        if line.startswith("model name"):
            model = line.split(":")[1].strip()
    known = [f for f in ["avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile"] if f in flags]
    return "%s (%s)" % (model, ", ".join(known))


def main():
    yolua, runs, versions = Yolua(), {}, {}
    network = Network(o.cfg)
    print("%s, load %.1f" % (features(), os.getloadavg()[0]), file=sys.stderr)
    for name in o.peers.split(","):
        can = o.mode != "train" and o.precision != "bf16" if not name.startswith("torch") else o.precision != "int8"
        if not can:
            continue
        try:
            with tempfile.TemporaryDirectory() as folder:
                versions[name], runs[name] = PEERS[name](network, folder)
        except ImportError as error:
            print("%s is not installed: %s" % (name, error), file=sys.stderr)
    for run in runs.values():
        run()
    times = {name: [] for name in ["yolua", *runs]}
    for _ in range(o.rounds):
        times["yolua"].append(yolua.best(o.seconds))
        for name, run in runs.items():
            times[name].append(best(run, o.seconds))
    clock = 0 if o.threads == 1 else 1
    work = "%s %d, %s, %s, batch %d, %d thread%s" % (os.path.basename(o.cfg), o.imgsz, o.mode, o.precision, o.batch, o.threads,
                                                     "s"[o.threads < 2:])
    print("| work | runtime | ms, processor | ms, clock | peer / yolua | lowest..highest |\n|---|---|---|---|---|---|")
    for name, pairs in times.items():
        ratios = [theirs[clock] / ours[clock] for theirs, ours in zip(pairs, times["yolua"])]
        cpu, wall = [1e3 * statistics.median(column) for column in zip(*pairs)]
        share = "| |" if name == "yolua" else "%.2f | %.2f..%.2f |" % (statistics.median(ratios), min(ratios), max(ratios))
        print("| %s | %s | %.2f | %.2f | %s" % (work, (name + " " + versions.get(name, "")).strip(), cpu, wall, share))


main()
