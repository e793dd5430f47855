#!/usr/bin/env python3
"""Runs an exported network in another program's runtime and says what it detects: the other side of tests/bench/exchange.lua.

usage: exchange.py JOB.json     {"runtime", "model", "images": [{"input": FILE of f32 {1, c, h, w}, "w", "h"}], "shape": [c, h, w],
                                 "heads": [{"name", "kind", "anchors": [[w, h], ...], "classes", "scale", "softmax", "beta"}],
                                 "conf", "iou", "keep": images whose heads are kept, "folder"}
Writes FOLDER/HEAD.I, the numbers that enter a head, and FOLDER/detections.json: for each image [class from 0, score, x1, y1, x2, y2] rows.
Decoding and suppression are written anew here, after Darknet's yolo_layer.c, region_layer.c and box.c.
"""
import json
import os
import sys

import numpy as np


def onnxruntime_session(job):
    import onnxruntime
    session = onnxruntime.InferenceSession(job["model"], providers=["CPUExecutionProvider"])
    names = [head["name"] for head in job["heads"]]
    return lambda x: session.run(names, {"image": x})


def openvino_session(job):
    import openvino
    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    compiled = core.compile_model(job["model"], "CPU")

    def run(x):
        results = compiled({"image": x})
        return [np.array(results[head["name"]]) for head in job["heads"]]
    return run


def ncnn_session(job):
    import ncnn
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
    net.opt.num_threads = 1
    if net.load_param(job["model"]) or net.load_model(os.path.splitext(job["model"])[0] + ".bin"):
        sys.exit("ncnn cannot load the files")

    def run(x):
        extractor = net.create_extractor()
        extractor.input("image", ncnn.Mat(np.ascontiguousarray(x[0])))
        out = []
        for head in job["heads"]:
            status, value = extractor.extract(head["name"])
            if status:
                sys.exit("ncnn cannot compute " + head["name"])
            out.append(np.array(value)[None])
        return out
    return run


def sigmoid(x):
    return 1 / (1 + np.exp(-x.astype(np.float64)))


def decode(head, raw, net_w, net_h):
    """Boxes {n, 4} (centre and size, fractions of the input) and scores {n, classes} of a head's numbers {1, anchors (5 + classes), h, w}."""
    anchors, classes = np.array(head["anchors"], np.float64), head["classes"]
    h, w = raw.shape[2:]
    t = raw[0].reshape(len(anchors), 5 + classes, h, w)
    xy, objectness = sigmoid(t[:, 0:2]), sigmoid(t[:, 4])
    xy = xy * head["scale"] - (head["scale"] - 1) / 2
    x = (xy[:, 0] + np.arange(w)[None, None, :]) / w
    y = (xy[:, 1] + np.arange(h)[None, :, None]) / h
    units = (w, h) if head["kind"] == "region" else (net_w, net_h)
    bw = np.exp(t[:, 2].astype(np.float64)) * anchors[:, 0, None, None] / units[0]
    bh = np.exp(t[:, 3].astype(np.float64)) * anchors[:, 1, None, None] / units[1]
    if head["softmax"]:
        e = np.exp(t[:, 5:].astype(np.float64) - t[:, 5:].max(axis=1, keepdims=True))
        probability = e / e.sum(axis=1, keepdims=True)
    else:
        probability = sigmoid(t[:, 5:])
    score = objectness[:, None] * probability
    boxes = np.stack([x, y, bw, bh], axis=-1).reshape(-1, 4)
    return boxes, np.moveaxis(score, 1, -1).reshape(-1, classes)


def suppressed(best, others, iou, beta):
    """Which of the others the best box suppresses: IoU, with beta less (d^2 / c^2)^beta."""
    lo = np.maximum(best[:2] - best[2:] / 2, others[:, :2] - others[:, 2:] / 2)
    hi = np.minimum(best[:2] + best[2:] / 2, others[:, :2] + others[:, 2:] / 2)
    inter = np.prod(np.clip(hi - lo, 0, None), axis=1)
    overlap = inter / (np.prod(best[2:]) + np.prod(others[:, 2:], axis=1) - inter)
    if beta:
        least = np.minimum(best[:2] - best[2:] / 2, others[:, :2] - others[:, 2:] / 2)
        most = np.maximum(best[:2] + best[2:] / 2, others[:, :2] + others[:, 2:] / 2)
        c2 = ((most - least) ** 2).sum(axis=1)
        d2 = ((best[:2] - others[:, :2]) ** 2).sum(axis=1)
        overlap = overlap - np.where(c2 > 0, d2 / np.where(c2 > 0, c2, 1), 0) ** beta
    return overlap > iou


def detect(job, heads, image):
    boxes, scores, found = [], [], []
    for head, raw in zip(job["heads"], heads):
        b, s = decode(head, raw, job["shape"][2], job["shape"][1])
        boxes.append(b)
        scores.append(s)
    boxes, scores = np.concatenate(boxes), np.concatenate(scores)
    for c in np.unique(np.nonzero(scores >= job["conf"])[1]):
        order = np.nonzero(scores[:, c] >= job["conf"])[0]
        order = order[np.argsort(-scores[order, c], kind="stable")]
        while len(order):
            best, order = order[0], order[1:]
            x, y, w, h = boxes[best]
            corners = [(x - w / 2) * image["w"], (y - h / 2) * image["h"], (x + w / 2) * image["w"], (y + h / 2) * image["h"]]
            found.append([int(c), float(scores[best, c])] + [float(v) for v in corners])
            if len(order):
                order = order[~suppressed(boxes[best], boxes[order], job["iou"], job["heads"][0]["beta"])]
    return found


def main():
    with open(sys.argv[1]) as file:
        job = json.load(file)
    run = {"onnxruntime": onnxruntime_session, "openvino": openvino_session, "ncnn": ncnn_session}[job["runtime"]](job)
    detections = []
    for i, image in enumerate(job["images"]):
        heads = run(np.fromfile(image["input"], dtype="<f4").reshape([1] + job["shape"]))
        if i < job["keep"]:
            for head, value in zip(job["heads"], heads):
                np.ascontiguousarray(value, dtype="<f4").tofile(os.path.join(job["folder"], "%s.%d" % (head["name"], i)))
        detections.append(detect(job, heads, image))
    with open(os.path.join(job["folder"], "detections.json"), "w") as file:
        json.dump(detections, file)


main()
