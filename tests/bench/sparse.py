"""What zeros are worth: forward passes of a network with more and more of its weights at zero, all in turn.

    python3 tests/bench/sparse.py --cfg NET.cfg [--names NAMES] [--yolua build/yolua] [--before OTHER/yolua] [--deepsparse PYTHON]
        [--models CHECKPOINT,...] [--zeros 0,50,70,80,90,95,2:4] [--imgsz 416] [--threads 1] [--rounds 7] [--seconds 1]

Zeros are spread at random over the convolutions with 64 input channels or more; 2:4 is two of every four. --before is an older yolua
whose dense time is the reference, --models adds pruned checkpoints as they are, and --deepsparse is the Python of an environment with
deepsparse 1.8, which runs the same networks, exported by yolua.

Each row is a process that waits while others run. Times are the best of --seconds in a round; printed are the median of the rounds
(lowest..highest), and the ratios of the dense times to it, each of one round. With one thread they are processor time, which other work on
the machine changes least; with more, the clock's, and the machine has to be quiet. The table is Markdown, for RESULTS.md.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile

parser = argparse.ArgumentParser()
parser.add_argument("--cfg", required=True)
parser.add_argument("--names")
parser.add_argument("--yolua", default="build/yolua")
parser.add_argument("--before")
parser.add_argument("--deepsparse")
parser.add_argument("--models", default="")
parser.add_argument("--zeros", default="0,50,70,80,90,95,2:4")
parser.add_argument("--imgsz", type=int, default=416)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--seconds", type=float, default=1)
o = parser.parse_args()
bench = os.path.join(os.path.dirname(os.path.abspath(__file__)), "speed.lua")

# Runs in the environment of deepsparse, with the protocol of speed.lua.
PEER = """
import sys, time, numpy, deepsparse
path, size, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
engine = deepsparse.compile_model(path, batch_size=1, num_cores=threads)
x = [numpy.random.default_rng(1).random((1, 3, size, size), dtype=numpy.float32)]
engine.run(x)
print("ready 0 " + deepsparse.__version__, flush=True)
for line in sys.stdin:
    until, cpu, wall = time.time() + float(line), 1e9, 1e9
    while True:
        used, clock = time.process_time(), time.time()
        engine.run(x)
        cpu, wall = min(cpu, time.process_time() - used), min(wall, time.time() - clock)
        if time.time() >= until:
            break
    print("%.9f %.9f" % (cpu, wall), flush=True)
"""


def ours(program, network, zeros, *more):
    words = [program, bench, "imgsz=%d" % o.imgsz, "threads=%d" % o.threads] + network
    if zeros == "2:4":
        words += ["zeros=.5", "pattern=2:4"]
    elif float(zeros) > 0:
        words += ["zeros=%g" % (float(zeros) / 100)]
    return words + list(more)


class Row:
    """A process that runs a network when asked."""

    def __init__(self, name, words):
        self.name, self.times = name, []
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ready(self):
        for line in self.process.stdout:
            if line.startswith("ready "):
                return
        sys.exit("sparse.py: %s did not start" % self.name)

    def ask(self):
        self.process.stdin.write("%g\n" % o.seconds)
        self.process.stdin.flush()
        cpu, wall = map(float, self.process.stdout.readline().split())
        self.times.append(1e3 * (cpu if o.threads == 1 else wall))


def rows(folder):
    network = ["cfg=" + o.cfg] + (["names=" + o.names] if o.names else [])
    if o.before:
        yield "dense, before", ours(o.before, network, "0")
    for zeros in o.zeros.split(","):
        yield zeros if zeros == "2:4" else zeros + " %", ours(o.yolua, network, zeros)
    for path in filter(None, o.models.split(",")):
        yield os.path.basename(path), ours(o.yolua, ["model=" + path], "0")
    for zeros in o.zeros.split(",") if o.deepsparse else []:
        path = os.path.join(folder, zeros.replace(":", "of") + ".onnx")
        subprocess.run(ours(o.yolua, network, zeros, "onnx=" + path), check=True, stdout=subprocess.DEVNULL)
        name = "DeepSparse, " + (zeros if zeros == "2:4" else zeros + " %")
        yield name, [o.deepsparse, "-c", PEER, path, str(o.imgsz), str(o.threads)]


def spread(values, digits):
    return "%.*f (%.*f..%.*f)" % (digits, statistics.median(values), digits, min(values), digits, max(values))


with tempfile.TemporaryDirectory() as folder:
    all_rows = []
    for name, words in rows(folder):
        all_rows.append(Row(name, words))
        all_rows[-1].ready()
    for _ in range(o.rounds):
        for row in all_rows:
            row.ask()
    for row in all_rows:
        row.process.stdin.close()
        row.process.wait()

dense = [row for row in all_rows if row.name in ("dense, before", "0 %")]
print("%s, %d threads, %dx%d, milliseconds of %s" % (os.path.basename(o.cfg), o.threads, o.imgsz, o.imgsz,
                                                   "processor time" if o.threads == 1 else "the clock"))
print("| zeros | ms |" + "".join(" against %s |" % ("today's dense" if row.name == "0 %" else row.name) for row in dense))
print("|---|---|" + "---|" * len(dense))
for row in all_rows:
    cells = [spread([a / b for a, b in zip(other.times, row.times)], 2) for other in dense]
    print("| %s | %s | %s |" % (row.name, spread(row.times, 1), " | ".join(cells)))
