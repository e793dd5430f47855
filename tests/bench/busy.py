#!/usr/bin/env python3
"""How much longer a forward pass takes while one of the processors is kept busy.

    tests/bench/busy.py --yolua build/yolua --cfg FILE.cfg [--weights FILE] [--imgsz 416x416] [--threads 2] [--rounds 5] [--seconds 3]

Rounds alternate: quiet, then with a process that spins on one of the processors that this program may use. Prints the medians of the
least and of the median time of a pass, and the ratio of each pair of rounds. The limit is 2.2 times (two threads, two processors): half of
the work on half of a processor takes twice as long, and waiting for it must not add to that. Only of use on a machine where nothing else
runs; the load at the start is printed.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

SPIN = "import os,sys\nos.sched_setaffinity(0,{int(sys.argv[1])})\nprint('on',flush=True)\nwhile True: pass"


def passes(o):
    """(median, most) milliseconds of the passes of one process."""
    command = [o.yolua, "bench", f"cfg={o.cfg}", f"imgsz={o.imgsz}", "batch=1", "mode=infer", f"threads={o.threads}", "json=true"]
    if o.weights:
        command.append(f"weights={o.weights}")
    once = json.loads(subprocess.run(command + ["runs=3"], check=True, capture_output=True, text=True).stdout)
    runs = max(5, int(1000 * o.seconds / once["median_ms"]))
    row = json.loads(subprocess.run(command + [f"runs={runs}"], check=True, capture_output=True, text=True).stdout)
    return row["median_ms"], row["max_ms"]


def busy(o, processor):
    spinner = subprocess.Popen([sys.executable, "-c", SPIN, str(processor)], stdout=subprocess.PIPE)
    try:
        spinner.stdout.readline()
        time.sleep(0.2)
        return passes(o)
    finally:
        spinner.kill()
        spinner.wait()


def show(name, values):
    print(f"{name}: {statistics.median(values):.2f} ({min(values):.2f}..{max(values):.2f})")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--yolua", default="build/yolua")
    p.add_argument("--cfg", required=True)
    p.add_argument("--weights")
    p.add_argument("--imgsz", default="416x416")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=3)
    o = p.parse_args()
    processors = sorted(os.sched_getaffinity(0))
    print(f"{len(processors)} processors, load before: {os.getloadavg()[0]:.2f}, {o.threads} threads, {o.rounds} rounds")
    quiet, loaded = [], []
    for _ in range(o.rounds):
        quiet.append(passes(o))
        loaded.append(busy(o, processors[0]))
    show("quiet, ms a pass", [q[0] for q in quiet])
    show("one processor busy, ms a pass", [b[0] for b in loaded])
    show("one processor busy, ms of the slowest pass", [b[1] for b in loaded])
    ratios = [b[0] / q[0] for b, q in zip(loaded, quiet)]
    show("ratio", ratios)
    return 0 if statistics.median(ratios) <= 2.2 else 1


if __name__ == "__main__":
    sys.exit(main())
