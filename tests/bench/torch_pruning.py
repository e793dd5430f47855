"""Torch-Pruning as a peer of recipes/prune_channels.lua: the same network, frames, budget of FLOPs and epochs, a plain training loop.

    python3 tests/bench/torch_pruning.py --cfg DENSE/model.cfg --weights DENSE/model.weights --root kitti --fold fold1 --out OUT

Needs torch, torch-pruning (1.6.1), numpy and Pillow. DENSE is the dense network as Darknet's files: yolua -e
'yl.load({ model = "best.safetensors" }):save("DENSE/")'. OUT/model.cfg, .weights and .names are the pruned network, which yolua scores and
times like any other, so that the evaluation is the same (tests/bench/peer.lua). The script prints what torch itself takes for one image,
dense and pruned in turn.

The training is that of tests/bench/prune.lua's rows but for mosaics: SGD at a constant 5e-4, batches of 8, CIoU, objectness that aims at
the IoU, batch-norm on its loaded statistics, an average of the weights (.99) as the result; the FLOPs fall along a cubic over 24 epochs,
and 4 more follow. Importance is Torch-Pruning's group magnitude (L2), global. round_to is left out: in 1.6.1 it stops narrow layers from
being pruned at all at high ratios.
"""
import argparse
import copy
import math
import random
import sys
import time

sys.path.pop(0)  # this folder: this file has the package's name

import numpy
import torch
import torch.nn.functional as F
import torch_pruning
from PIL import Image

CLASSES = ["person", "bicycle", "car", "train", "truck"]
KITTI = {"Pedestrian": 0, "Person_sitting": 0, "Cyclist": 1, "Car": 2, "Van": 2, "Tram": 3, "Truck": 4, "DontCare": -1}
SPACE = 1.5  # pictures are kept at so many times the input's sides, for crops


# ---- Darknet's files -----------------------------------------------------------------------------------------------------


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


def numbers(text):
    return [float(x) for x in text.split(",")]


class Conv(torch.nn.Module):
    def __init__(self, o, channels):
        super().__init__()
        size, normalize = int(o["size"]), o.get("batch_normalize") == "1"
        self.conv = torch.nn.Conv2d(channels, int(o["filters"]), size, int(o["stride"]), size // 2 if o.get("pad") == "1" else 0,
                                    bias=not normalize)
        self.bn = torch.nn.BatchNorm2d(int(o["filters"]), eps=1e-5) if normalize else None
        self.leaky = o["activation"] == "leaky"

    def forward(self, x):
        x = self.conv(x)
        x = self.bn(x) if self.bn else x
        return F.leaky_relu(x, 0.1) if self.leaky else x


class Pool(torch.nn.Module):
    """Darknet's: a window that sticks out on the right and below sees nothing there."""

    def __init__(self, o):
        super().__init__()
        self.size, self.stride = int(o["size"]), int(o["stride"])

    def forward(self, x):
        return F.max_pool2d(F.pad(x, (0, self.size - 1, 0, self.size - 1), value=-1e30) if self.stride == 1 else x, self.size, self.stride)


class Net(torch.nn.Module):
    """YOLOv3-tiny's kinds of sections; forward gives the inputs of the [yolo] heads."""

    def __init__(self, sections):
        super().__init__()
        self.sections, self.parts, channels = sections[1:], torch.nn.ModuleList(), []
        for i, (kind, o) in enumerate(self.sections):
            before, part = channels[-1] if channels else 3, torch.nn.Identity()
            if kind == "convolutional":
                part, before = Conv(o, before), int(o["filters"])
            elif kind == "maxpool":
                part = Pool(o)
            elif kind == "upsample":
                part = torch.nn.Upsample(scale_factor=int(o["stride"]), mode="nearest")
            elif kind == "route":
                o["from"] = [int(k) + (i if int(k) < 0 else 0) for k in numbers(o["layers"])]
                before = sum(channels[k] for k in o["from"])
            elif kind != "yolo":
                raise SystemExit(f"section [{kind}]: expected YOLOv3-tiny's")
            self.parts.append(part)
            channels.append(before)
        self.heads = [i for i, (kind, _) in enumerate(self.sections) if kind == "yolo"]

    def forward(self, x):
        out, heads = [], []
        for i, (kind, o) in enumerate(self.sections):
            if kind == "route":
                x = torch.cat([out[k] for k in o["from"]], 1) if len(o["from"]) > 1 else out[o["from"][0]]
            elif kind == "yolo":
                heads.append(x)
            else:
                x = self.parts[i](x)
            out.append(x)
        return heads

    def convolutions(self):
        return [(o, part) for (kind, o), part in zip(self.sections, self.parts) if kind == "convolutional"]

    def slots(self):
        """The tensors of a weights file, in its order."""
        for _, part in self.convolutions():
            if part.bn:
                yield from (part.bn.bias, part.bn.weight, part.bn.running_mean, part.bn.running_var)
            else:
                yield part.conv.bias
            yield part.conv.weight

    def load(self, path):
        raw = open(path, "rb").read()
        values, at = numpy.frombuffer(raw[20:], "<f4"), 0
        with torch.no_grad():
            for slot in self.slots():
                slot.copy_(torch.from_numpy(values[at:at + slot.numel()].copy()).view(slot.shape))
                at += slot.numel()
        if at != len(values):
            raise SystemExit(f"{path} holds {len(values)} numbers, the cfg needs {at}")

    def save(self, stem, head):
        with open(stem + ".weights", "wb") as out:
            out.write(numpy.array([0, 2, 0, 0, 0], "<i4").tobytes())
            for slot in self.slots():
                out.write(slot.detach().numpy().astype("<f4").tobytes())
        with open(stem + ".cfg", "w") as out:
            for kind, o in [head] + self.sections:
                if kind == "convolutional":
                    o["filters"] = str(self.parts[self.sections.index((kind, o))].conv.out_channels)
                out.write(f"[{kind}]\n" + "".join(f"{k}={v}\n" for k, v in o.items() if k != "from") + "\n")
        open(stem + ".names", "w").write("\n".join(CLASSES) + "\n")


# ---- frames --------------------------------------------------------------------------------------------------------------


def read_frame(root, name, size):
    """The picture at SPACE times the input's size, u8 {3, h, w}, and its rows {class, x1, y1, x2, y2} as shares of its sides."""
    picture, rows = Image.open(f"{root}/training/image_2/{name}.png").convert("RGB"), []
    w, h = picture.size
    for line in open(f"{root}/training/label_2/{name}.txt"):
        word = line.split()
        if word[0] in KITTI:
            rows.append([KITTI[word[0]]] + [float(word[4 + k]) / (w, h)[k % 2] for k in range(4)])
    small = picture.resize((int(size[0] * SPACE), int(size[1] * SPACE)), Image.BILINEAR)
    return torch.from_numpy(numpy.array(small)).permute(2, 0, 1), torch.tensor(rows).view(-1, 5)


def augmented(frame, size, draw, jitter=0.2):
    """Mirrored or not, each border moved by up to `jitter` of the side, a little lighter or darker: the input and its rows."""
    picture, rows = frame
    h, w = picture.shape[1:]
    left, right, top, bottom = (draw.uniform(-jitter, jitter) for _ in range(4))
    x = F.pad(picture.float() / 255, [int(-left * w), int(right * w), int(-top * h), int(bottom * h)], value=0.5)
    x = F.interpolate(x[None], (size[1], size[0]), mode="bilinear", align_corners=True)[0]
    x = (x * draw.uniform(1 / 1.5, 1.5)).clamp(0, 1)
    rows = rows.clone()
    rows[:, [1, 3]] = ((rows[:, [1, 3]] - left) / (1 + right - left)).clamp(0, 1)
    rows[:, [2, 4]] = ((rows[:, [2, 4]] - top) / (1 + bottom - top)).clamp(0, 1)
    rows = rows[(rows[:, 3] - rows[:, 1] > 0.002) & (rows[:, 4] - rows[:, 2] > 0.002)]
    if draw.random() < 0.5:
        x, rows[:, [1, 3]] = x.flip(2), 1 - rows[:, [3, 1]]
    return x, rows


# ---- the loss of [yolo] with iou_loss=ciou ---------------------------------------------------------------------------------


def ious(a, b):
    """Of boxes {n, 4} and {m, 4}, corners: IoU and the share of a that lies in b."""
    sides = (torch.minimum(a[:, None, 2:], b[None, :, 2:]) - torch.maximum(a[:, None, :2], b[None, :, :2])).clamp(0)
    both, area = sides.prod(2), lambda x: (x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1])
    return both / (area(a)[:, None] + area(b)[None] - both + 1e-9), both / (area(a)[:, None] + 1e-9)


def ciou(p, t):
    """Of centres and sides, row by row (Zheng et al. 2020)."""
    a, b = torch.cat([p[:, :2] - p[:, 2:] / 2, p[:, :2] + p[:, 2:] / 2], 1), torch.cat([t[:, :2] - t[:, 2:] / 2, t[:, :2] + t[:, 2:] / 2], 1)
    both = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(0).prod(1)
    iou = both / (p[:, 2:].prod(1) + t[:, 2:].prod(1) - both + 1e-9)
    hull = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    v = 4 / math.pi ** 2 * (torch.atan(t[:, 2] / t[:, 3]) - torch.atan(p[:, 2] / p[:, 3])) ** 2
    alpha = (v / (1 - iou + v + 1e-9)).detach()
    return iou - ((p[:, :2] - t[:, :2]) ** 2).sum(1) / ((hull ** 2).sum(1) + 1e-9) - alpha * v


def head_loss(x, o, rows, size):
    """The sum over the batch: boxes .75 (1 - CIoU), cross-entropy for objectness and classes. rows: a list of {class, corners} each."""
    anchors = torch.tensor(numbers(o["anchors"])).view(-1, 2)
    mask, (n, _, h, w) = [int(k) for k in numbers(o["mask"])], x.shape
    x = x.view(n, len(mask), -1, h, w).permute(0, 1, 3, 4, 2)
    col, row = torch.arange(w).view(1, 1, 1, w), torch.arange(h).view(1, 1, h, 1)
    sides = torch.exp(x[..., 2:4].clamp(max=20)) * anchors[mask].view(1, -1, 1, 1, 2) / torch.tensor(size)
    boxes = torch.cat([((x[..., 0].sigmoid() + col) / w)[..., None], ((x[..., 1].sigmoid() + row) / h)[..., None], sides], 4)
    wanted, counts, loss = torch.zeros(x.shape[:4]), torch.ones(x.shape[:4]), 0
    for i, objects in enumerate(rows):
        real, regions = objects[objects[:, 0] >= 0], objects[objects[:, 0] < 0]
        flat = boxes[i].detach().reshape(-1, 4)
        corners = torch.cat([flat[:, :2] - flat[:, 2:] / 2, flat[:, :2] + flat[:, 2:] / 2], 1)
        free = torch.zeros(len(flat), dtype=torch.bool)
        if len(real):
            sure = x[i, ..., 5:].detach().reshape(len(flat), -1).sigmoid().max(1).values > 0.25
            free |= (ious(corners, real[:, 1:])[0].max(1).values > float(o["ignore_thresh"])) & sure
        if len(regions):
            free |= ious(corners, regions[:, 1:])[1].max(1).values > 0.5
        counts[i][free.view(x.shape[1:4])] = 0
        for t in real:
            centre, wh = (t[1:3] + t[3:5]) / 2, t[3:5] - t[1:3]
            shape = wh * torch.tensor(size)
            both = torch.minimum(anchors, shape).prod(1)
            best = int((both / (anchors.prod(1) + shape.prod() - both)).argmax())
            if best not in mask:
                continue
            at = (i, mask.index(best), min(int(centre[1] * h), h - 1), min(int(centre[0] * w), w - 1))
            box = boxes[at][None].detach()
            wanted[at] = ious(torch.cat([box[:, :2] - box[:, 2:] / 2, box[:, :2] + box[:, 2:] / 2], 1), t[None, 1:5])[0].item()
            counts[at] = 1
            target = F.one_hot(t[0].long(), x.shape[4] - 5).float()
            loss = loss + F.binary_cross_entropy_with_logits(x[at][5:], target, reduction="sum")
            loss = loss + 0.75 * (1 - ciou(boxes[at][None], torch.cat([centre, wh])[None])).sum()
    return loss + (counts * F.binary_cross_entropy_with_logits(x[..., 4], wanted, reduction="none")).sum()


# ---- training ------------------------------------------------------------------------------------------------------------


def optimizer_of(net):
    decayed = [p for p in net.parameters() if p.dim() > 1]
    rest = [p for p in net.parameters() if p.dim() == 1]
    return torch.optim.SGD([{"params": decayed, "weight_decay": 5e-4}, {"params": rest, "weight_decay": 0}], lr=5e-4, momentum=0.9)


def train_epoch(net, average, frames, o, draw):
    """Batch-norm uses the loaded statistics, whose scale and offset are trained."""
    net.eval()
    optimizer, order, total = optimizer_of(net), list(range(len(frames))), 0
    draw.shuffle(order)
    for at in range(0, len(order), o.batch):
        batch = [augmented(frames[i], o.size, draw) for i in order[at:at + o.batch]]
        heads = net(torch.stack([x for x, _ in batch]))
        loss = sum(head_loss(x, net.sections[k][1], [rows for _, rows in batch], o.size) for x, k in zip(heads, net.heads)) / len(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
        with torch.no_grad():
            for mean, now in zip(average.parameters(), net.parameters()):
                mean.lerp_(now, 1 - 0.99)
    return total / len(order)


def operations(net, o):
    return torch_pruning.utils.count_ops_and_params(net, torch.zeros(1, 3, o.size[1], o.size[0]))[0]


def pruner_of(net, o):
    heads = [net.parts[k - 1].conv for k in net.heads]
    return torch_pruning.pruner.BasePruner(
        net, torch.zeros(1, 3, o.size[1], o.size[0]), importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        global_pruning=True, pruning_ratio=0.95, max_pruning_ratio=0.95, iterative_steps=400, ignored_layers=heads)


def milliseconds(nets, o, rounds=60):
    """The median of forward passes over one image, in turn."""
    times, x = {name: [] for name in nets}, torch.rand(1, 3, o.size[1], o.size[0])
    with torch.inference_mode():
        for k in range(rounds + 3):
            for name, net in nets.items():
                started = time.perf_counter()
                net(x)
                if k > 2:
                    times[name].append(1e3 * (time.perf_counter() - started))
    return {name: sorted(list_)[len(list_) // 2] for name, list_ in times.items()}


def options():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for name in ("cfg", "weights", "root", "out"):
        p.add_argument("--" + name, required=True)
    p.add_argument("--fold", default="fold1")
    p.add_argument("--flops", type=float, default=0.4, help="share of the dense network's that is left")
    p.add_argument("--rounds", type=int, default=24, help="epochs in which channels go")
    p.add_argument("--tune", type=int, default=4, help="epochs after them")
    p.add_argument("--limit", type=int, help="the first frames only")
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--size", default="416x128")
    o = p.parse_args()
    o.size = tuple(int(x) for x in o.size.split("x"))
    return o


def main():
    o = options()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    draw, sections = random.Random(o.seed), read_cfg(o.cfg)
    net = Net(sections).eval()
    net.load(o.weights)
    dense, names = copy.deepcopy(net), open(f"{o.root}/ImageSets/{o.fold}_train.txt").read().split()[:o.limit]
    frames, whole = [read_frame(o.root, name, o.size) for name in names], operations(net, o)
    print(f"{len(frames)} frames, {whole / 1e9:.3f} billion multiply-adds")
    pruner, average = pruner_of(net, o), copy.deepcopy(net)
    for epoch in range(1, o.rounds + o.tune + 1):
        left = o.flops + (1 - o.flops) * (1 - min(1, epoch / o.rounds)) ** 3
        while operations(net, o) > left * whole:
            pruner.step()
        if any(a.shape != b.shape for a, b in zip(average.parameters(), net.parameters())):
            average = copy.deepcopy(net)  # the average begins again at each cut
        started = time.time()
        loss = train_epoch(net, average, frames, o, draw)
        print(f"epoch {epoch}: {operations(net, o) / whole:.3f} of the multiply-adds, loss {loss:.3f}, {time.time() - started:.0f} s", flush=True)
    average.save(o.out + "/model", sections[0])
    times = milliseconds({"dense": dense, "pruned": average.eval()}, o)
    print("ms for one image, {} threads: dense {:.2f}, pruned {:.2f}, {:.2f} times as fast".format(
        o.threads, times["dense"], times["pruned"], times["dense"] / times["pruned"]))
    print("channels: " + " ".join(str(part.conv.out_channels) for _, part in average.convolutions()))


if __name__ == "__main__":
    main()
