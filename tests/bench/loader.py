"""How fast pictures become batches: decode, augment, resize; yolua's loader beside PyTorch's DataLoader, in turn.

    python3 tests/bench/loader.py --yolua build/yolua --pictures FOLDER [--imgsz 416x416] [--batch 8] [--workers 1] [--rounds 5]

Needs torch; torchvision and OpenCV (cv2) each are a peer where they can be imported. All do the same work: decode a picture, shift and scale
it, flip half of them, change hue, saturation and brightness, and give a batch of floats. yolua does it by its augmentation `standard`, in
one pass over the target's pixels; the peers by their own functions, decoded in the loader's workers. Nothing is cached but by the kernel.

Printed are images per second of a processor (processor time of all threads and processes), the median of the rounds with lowest and
highest, and yolua's ratio to each peer, round by round. The table is Markdown, for RESULTS.md. Other work on the machine changes
processor time least; the load at the start is printed.
"""
import argparse
import glob
import os
import random
import resource
import statistics
import subprocess
import time


def spent():
    mine, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(r.ru_utime + r.ru_stime for r in (mine, children))


def draw(w, h):
    """Shift and scale as a box (x, y, w, h) of the source, a flip, and factors of hue, saturation and brightness."""
    s = random.uniform(0.8, 1.0)
    cw, ch = int(w * s), int(h * s)
    box = random.randint(0, w - cw), random.randint(0, h - ch), cw, ch
    return box, random.random() < 0.5, random.uniform(-0.1, 0.1), random.uniform(0.67, 1.5), random.uniform(0.67, 1.5)


def with_cv2(path, size):
    import cv2
    import numpy as np
    import torch
    image = cv2.imread(path)
    (x, y, w, h), flip, hue, saturation, brightness = draw(image.shape[1], image.shape[0])
    image = cv2.resize(image[y : y + h, x : x + w], size, interpolation=cv2.INTER_LINEAR)
    if flip:
        image = image[:, ::-1]
    hsv = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + 180 * hue) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * saturation, 0, 255)
    hsv[..., 2] = np.clip(hsv[..., 2] * brightness, 0, 255)
    image = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)
    return torch.from_numpy(image).permute(2, 0, 1).float() / 255


def with_torchvision(path, size):
    import torchvision.io
    import torchvision.transforms.v2.functional as f
    image = torchvision.io.decode_image(path, torchvision.io.ImageReadMode.RGB)
    (x, y, w, h), flip, hue, saturation, brightness = draw(image.shape[2], image.shape[1])
    image = f.resized_crop(image, y, x, h, w, [size[1], size[0]], antialias=False)
    if flip:
        image = f.horizontal_flip(image)
    image = f.adjust_hue(f.adjust_saturation(f.adjust_brightness(image, brightness), saturation), hue)
    return image.float() / 255


class Pictures:
    def __init__(self, paths, read, size):
        self.paths, self.read, self.size = paths, read, size

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        return self.read(self.paths[i], self.size)


def peer_round(o, paths, read, size):
    """Workers end with the epoch, so that their processor time is counted, and their start, which a long epoch hides."""
    import torch
    torch.set_num_threads(1)
    loader = torch.utils.data.DataLoader(Pictures(paths * o.repeat, read, size), batch_size=o.batch, shuffle=True, num_workers=o.workers)
    before, clock, images = spent(), time.time(), 0
    for batch in loader:
        images += len(batch)
    del loader
    return images / (spent() - before), images / (time.time() - clock)


def our_round(o):
    command = [o.yolua, os.path.join(os.path.dirname(__file__), "loader.lua"), f"pictures={o.pictures}", f"imgsz={o.imgsz}",
               f"batch={o.batch}", f"loader_threads={o.workers}", f"rounds={o.repeat + 1}"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [[float(x) for x in line.split()] for line in lines if line[:1].isdigit()][1:]
    images, cpu, wall = (sum(column) for column in zip(*rows))
    return images / cpu, images / wall


def shown(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f}..{max(values):.2f})"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--yolua", default="build/yolua")
    p.add_argument("--pictures", required=True, help="a folder; what a file holds is told by its bytes")
    p.add_argument("--imgsz", default="416x416")
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--workers", type=int, default=1)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--repeat", type=int, default=12, help="how often a round reads all pictures")
    o = p.parse_args()
    size = tuple(int(x) for x in o.imgsz.split("x"))
    paths = sorted(q for end in ("png", "jpg", "jpeg") for q in glob.glob(f"{o.pictures}/*.{end}"))
    peers = {}
    for name, module, read in (("OpenCV", "cv2", with_cv2), ("torchvision", "torchvision", with_torchvision)):
        try:
            __import__(module)
            peers[name] = read
        except ImportError:
            print(f"{name}: not installed")
    print(f"{len(paths)} pictures, {o.imgsz}, batches of {o.batch}, {o.workers} workers, load before: {os.getloadavg()[0]:.2f}")
    rates = {name: [] for name in ["yolua", *peers]}
    for _ in range(o.rounds):
        rates["yolua"].append(our_round(o))
        for name, read in peers.items():
            rates[name].append(peer_round(o, paths, read, size))
    print("\n| loader | images/s of a processor | images/s by the clock | yolua's ratio |\n|---|---|---|---|")
    for name, rows in rates.items():
        ratios = [ours[0] / theirs[0] for ours, theirs in zip(rates["yolua"], rows)]
        print(f"| {name} | {shown([r[0] for r in rows])} | {shown([r[1] for r in rows])} | {shown(ratios)} |")


if __name__ == "__main__":
    main()
