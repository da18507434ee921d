"""Every net of the course with one input, in onnxruntime and in MXNet.

`onnx` and `onnxruntime` have no builds for all Pythons of the course: they belong to
the site's environment. Where they are missing, what needs them is skipped;
`make site-test` runs all of it.
"""

import sys

import mxnet as mx
import numpy
import pytest
from mxnet import autograd, np
from mxnet.gluon import HybridBlock, nn

from d2l_nin import baselines, inception, nin, resnet
from d2l_nin.onnx_export import OPSET, UnknownOperatorError, export

SMALL, CIFAR, LARGE = (1, 28, 28), (3, 32, 32), (1, 96, 96)
NETS = {
    "NiN": (nin.nin_classroom, SMALL),
    "NiN, rounded down": (lambda: nin.nin_classroom(ceil_mode=False), SMALL),
    "NiN, maxout": (lambda: nin.nin_classroom(block=nin.maxout_block), SMALL),
    "NiN, dense head": (lambda: nin.nin_classroom(head="dense", dropout=0.5), SMALL),
    "NiN, GAP and dense": (lambda: nin.nin_classroom(head="gap_dense"), SMALL),
    "NiN, CIFAR-10": (nin.nin_cifar10, CIFAR),
    "NiN, d2l": (nin.nin_fashion_mnist, (1, 224, 224)),
    "NiN, ImageNet": (lambda: nin.nin_imagenet(10), (3, 227, 227)),
    "Inception": (inception.inception_classroom, SMALL),
    "Inception, main part": (
        lambda: inception.inception_classroom(aux=True).main(),
        SMALL,
    ),
    "GoogLeNet": (inception.googlenet_fashion_mnist, LARGE),
    "LeNet": (baselines.lenet, SMALL),
    "LeNet, modern": (lambda: baselines.lenet(modern=True), SMALL),
    "AlexNet": (baselines.alexnet, (1, 224, 224)),
    "AlexNet of 2012": (baselines.alexnet_2012, (3, 227, 227)),
    "VGG": (baselines.vgg, (1, 224, 224)),
    "GoogLeNet, ImageNet": (inception.googlenet, (3, 96, 96)),
    "ResNet-50": (lambda: resnet.resnet_imagenet(50), (3, 96, 96)),
    "ResNet": (resnet.resnet_classroom, SMALL),
    "ResNet, odd zeros": (
        lambda: resnet.resnet_classroom(shortcut="zero-pad", widths=(16, 24, 40)),
        SMALL,
    ),
    "ResNet, bottlenecks": (
        lambda: resnet.resnet_classroom(block=resnet.Bottleneck),
        SMALL,
    ),
    "plain twin": (lambda: resnet.resnet_classroom(shortcut=None), SMALL),
    "ResNet-18": (resnet.resnet18, LARGE),
    **{
        f"ResNet, {order}": (
            lambda order=order: resnet.resnet_cifar(8, order=order),
            CIFAR,
        )
        for order in resnet.ORDERS
    },
    **{
        f"ResNet, {kind}": (
            lambda kind=kind: resnet.resnet_cifar(8, variant=kind),
            CIFAR,
        )
        for kind in resnet.VARIANTS[1:]
    },
}


def used(make, shape):
    """A net whose running statistics are not those it began with, and images."""
    mx.random.seed(0)
    net = make()
    net.initialize(mx.init.MSRAPrelu("in", 0))
    X = np.random.normal(size=(3, *shape))
    with autograd.record():
        net(X)
    for name, parameter in net.collect_params().items():
        if name.endswith(("gamma", "beta")):
            parameter.set_data(np.random.uniform(0.5, 1.5, size=parameter.shape))
    return net, X


def run(path, X):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["scores"], {"images": X.asnumpy()})[0]


@pytest.mark.parametrize("name", NETS)
def test_scores_are_those_of_mxnet(name, tmp_path):
    onnx = pytest.importorskip("onnx")
    make, shape = NETS[name]
    net, X = used(make, shape)
    wanted = net(X).asnumpy()
    for fold in (False, True):
        path = export(net, tmp_path / "net.onnx", shape, fold_batch_norm=fold)
        scores = run(path, X)
        scale = max(1, numpy.abs(wanted).max())
        assert numpy.abs(scores - wanted).max() <= 1e-4 * scale
        assert numpy.array_equal(scores.argmax(1), wanted.argmax(1))
        model = onnx.load(path)
        assert [one.version for one in model.opset_import] == [OPSET]
        kinds = [node.op_type for node in model.graph.node]
        if fold and "pre-activation" not in name and "after addition" not in name:
            assert "BatchNormalization" not in kinds
        path.unlink()  # AlexNet's has 180 MiB


def test_class_maps_of_any_size(tmp_path):
    pytest.importorskip("onnx")
    net, _ = used(nin.nin_classroom, SMALL)
    path = export(net[:-2], tmp_path / "maps.onnx", fold_batch_norm=True)
    for size in (28, 61, 96):
        X = np.random.uniform(size=(2, 1, size, size))
        assert numpy.abs(run(path, X) - net[:-2](X).asnumpy()).max() <= 1e-4


def test_the_same_net_gives_the_same_bytes(tmp_path):
    pytest.importorskip("onnx")
    net, _ = used(nin.nin_classroom, SMALL)
    first, second = (export(net, tmp_path / name).read_bytes() for name in "ab")
    assert first == second


class Exponential(HybridBlock):
    def hybrid_forward(self, F, X):
        return F.np.exp(X)


def test_what_it_does_not_know_is_named(tmp_path):
    pytest.importorskip("onnx")
    net = nn.HybridSequential()
    net.add(nn.Dense(2), Exponential())
    net.initialize()
    net(np.zeros((1, 3)))
    with pytest.raises(UnknownOperatorError, match="_npi_exp"):
        export(net, tmp_path / "net.onnx")
    with pytest.raises(ValueError, match=r"main\(\)"):
        net, _ = used(lambda: inception.inception_classroom(aux=True), SMALL)
        export(net, tmp_path / "net.onnx")


def test_without_onnx_it_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match="pip install onnx"):
        export(nin.nin_classroom(), tmp_path / "net.onnx")
