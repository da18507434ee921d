"""What the live pages compute with: a net of the course, trained, as JavaScript.

TensorFlow.js with its WebAssembly backend has 1.0 MB; onnxruntime-web 1.20.1 has 11 MB
of WebAssembly. A browser fetches no file from file://, so what is binary comes
along as base64 in scripts.
"""

from __future__ import annotations

# Before MXNet, which reads its threads and its engine as it loads.
from d2l_nin import runtime

# isort: split

import base64
import json
import shutil
from pathlib import Path

import mxnet as mx
import numpy
import onnx
from mxnet import np
from onnx import numpy_helper

from d2l_nin.datasets import load_fashion_mnist, read_fashion_mnist, text_labels
from d2l_nin.nin import nin_classroom
from d2l_nin.onnx_export import export
from d2l_nin.training import fit_cached

TFJS = {
    "tf-core.min.js": "tfjs-core/dist/tf-core.min.js",
    "tf-backend-wasm.min.js": "tfjs-backend-wasm/dist/tf-backend-wasm.min.js",
}
WASM = "tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm"
IMAGES_OF_A_CLASS = 2
MAPS = "mxnet-maps.json"  # what MXNet makes of the stored images


def trained_net():
    """`nin_classroom`, trained as in chapter 02 with seed 0: a kept run.

    Returns
    -------
    HybridSequential
    """
    runtime.seed_everything(0)
    net = nin_classroom()
    net.initialize(mx.init.MSRAPrelu("in", 0))
    net.hybridize()
    train_iter, _ = load_fashion_mnist(128, seed=0)
    recipe = {"num_epochs": 2, "lr": 0.3, "label_smoothing": 0.05}
    fit_cached("site-live", net, train_iter, **recipe)
    return net


def stored_images() -> tuple[numpy.ndarray, numpy.ndarray]:
    """Twenty test images as bytes (20, 28, 28), two of each class, and their labels."""
    _, (X, y) = read_fashion_mnist()
    rows = numpy.concatenate(
        [numpy.flatnonzero(y == label)[:IMAGES_OF_A_CLASS] for label in range(10)]
    )
    return X[rows], y[rows]


def _text(array: numpy.ndarray) -> str:
    return base64.b64encode(numpy.ascontiguousarray(array).tobytes()).decode()


def as_layers(path: Path) -> list[dict]:
    """An ONNX file of a net without branches, as a list that the pages go through.

    A convolution's weights are turned from (out, in, height, width) into TensorFlow's
    (height, width, in, out).

    Raises
    ------
    ValueError
        It has an operator that the pages don't compute.
    """
    graph = onnx.load(path).graph
    weights = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    layers = []
    for node in graph.node:
        options = {
            one.name: onnx.helper.get_attribute_value(one) for one in node.attribute
        }
        if node.op_type == "Conv":
            W, b = (weights[name] for name in node.input[1:])
            W = W.transpose(2, 3, 1, 0)
            layers.append({
                "op": "conv", "shape": W.shape, "stride": options["strides"][0],
                "pad": options["pads"][0], "weights": _text(W), "bias": _text(b),
            })  # fmt: skip
        elif node.op_type == "MaxPool":
            layers.append({
                "op": "pool", "size": options["kernel_shape"][0],
                "stride": options["strides"][0], "ceil": options["ceil_mode"],
            })  # fmt: skip
        elif node.op_type == "Relu":
            layers.append({"op": "relu"})
        elif node.op_type != "Identity":
            raise ValueError(f"live pages don't compute {node.op_type}")
    return layers


def receptive_field(layers: list[dict]) -> dict:
    """Of a position of the class maps: its side, and where position k's middle lies.

    Returns
    -------
    dict
        `size` in pixels; the middle of position k is at pixel `start` + k · `step`.
    """
    size, step, start = 1, 1, 0.0
    for layer in layers:
        if layer["op"] == "relu":
            continue
        side = layer["shape"][0] if layer["op"] == "conv" else layer["size"]
        start += ((side - 1) / 2 - layer.get("pad", 0)) * step
        size += (side - 1) * step
        step *= layer["stride"]
    return {"size": size, "step": step, "start": start}


def write_live(modules: Path, folder: Path) -> None:
    """All that the live pages load, into `folder`."""
    tensorflow = modules / "@tensorflow"
    for name, source in TFJS.items():
        shutil.copy(tensorflow / source, folder / name)
    wasm = base64.b64encode((tensorflow / WASM).read_bytes()).decode()
    (folder / "wasm.js").write_text(f'const WASM = "{wasm}";\n', encoding="utf-8")
    net = trained_net()
    path = export(net[:-2], folder / "class_maps.onnx", fold_batch_norm=True)
    layers = as_layers(path)
    images, labels = stored_images()
    maps = net[:-2](np.array(images[:, None] / 255, dtype="float32")).asnumpy()
    data = {
        "layers": layers,
        "field": receptive_field(layers),
        "classes": text_labels(range(10)),
        "images": _text(images),
        "labels": labels.tolist(),
    }
    (folder / "net.js").write_text(f"const NET = {json.dumps(data)};\n", "utf-8")
    classes = maps.mean((2, 3)).argmax(1).tolist()
    wanted = {"maps": maps.round(6).tolist(), "classes": classes}
    (folder / MAPS).write_text(json.dumps(wanted), "utf-8")
