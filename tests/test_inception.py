"""Inception and GoogLeNet: counts against the paper, shapes, branches, heads."""

import ast
import json
from pathlib import Path

import numpy
import pytest
from mxnet import autograd, init, np

from d2l_nin.cost import summary
from d2l_nin.datasets import load_fashion_mnist
from d2l_nin.inception import (
    GOOGLENET_MODULES,
    Branches,
    Inception,
    WithHeads,
    googlenet,
    googlenet_fashion_mnist,
    inception_classroom,
)
from d2l_nin.layers import Conv2D, HybridSequential
from d2l_nin.runtime import seed_everything
from d2l_nin.training import evaluate_accuracy, fit

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


@pytest.mark.parametrize(
    ("make", "input_shape", "num_params", "macs"),
    [
        (googlenet, (1, 3, 224, 224), 6_998_552, 1_582_671_872),
        (lambda: googlenet(aux=True), (1, 3, 224, 224), 13_378_280, None),
        (googlenet_fashion_mnist, (1, 1, 96, 96), 5_977_530, 276e6),
        (googlenet_fashion_mnist, (1, 1, 224, 224), 5_977_530, 1503e6),
        (lambda: Inception(64, (96, 128), (16, 32), 32), (1, 192, 28, 28), 163_696,
         163_328 * 784),
        (lambda: Inception(64, 128, 32, ()), (1, 192, 28, 28), 387_296,
         387_072 * 784),
    ],
)  # fmt: skip
def test_counts_are_the_published_ones(make, input_shape, num_params, macs):
    bill = summary(make(), input_shape)
    assert bill.num_params == num_params
    if macs is not None:
        assert bill.macs == pytest.approx(macs, rel=0.002)


# Table 1 of the paper: output channels, height, and millions of multiply-adds.
TABLE = {
    "3a": (256, 28, 128), "3b": (480, 28, 304),
    "4a": (512, 14, 73), "4b": (512, 14, 88), "4c": (512, 14, 100),
    "4d": (528, 14, 119), "4e": (832, 14, 170),
    "5a": (832, 7, 54), "5b": (1024, 7, 71),
}  # fmt: skip


def test_every_module_against_the_paper():
    channels = 192
    for name, (out, size, millions) in TABLE.items():
        module = Inception(*GOOGLENET_MODULES[name])
        bill = summary(module, (1, channels, size, size))
        assert bill.layers[-1].shape == (1, out, size, size)
        # 5a computes to 51 million; the paper says 54.
        expected = 51 if name == "5a" else millions
        assert bill.macs / 1e6 == pytest.approx(expected, rel=0.02), name
        channels = out


def test_googlenet_walks_through_the_paper_s_heights():
    rows = summary(googlenet(), (1, 3, 224, 224)).by_block().layers
    heights = [row.shape[2] for row in rows if len(row.shape) == 4]
    walk = [h for i, h in enumerate(heights) if i == 0 or h != heights[i - 1]]
    assert walk == [112, 56, 28, 14, 7, 1]


def nets():
    small = {"module": lambda: Inception(8, (6, 12), (4, 8), 4),
             "normed": lambda: Inception(8, (6, 12), (4, 8), 4, batch_norm=True),
             "naive": lambda: Inception(8, 12, 8, ())}  # fmt: skip
    return {**small, "classroom": inception_classroom}


@pytest.mark.parametrize("name", nets())
def test_hybridized_and_summarized_as_computed(name):
    seed_everything(0)
    net = nets()[name]()
    net.initialize(init.MSRAPrelu("in", 0))
    X = np.random.normal(size=(2, 1 if name == "classroom" else 5, 28, 28))
    plain = net(X).asnumpy()
    net.hybridize(static_alloc=True, static_shape=True)
    numpy.testing.assert_allclose(net(X).asnumpy(), plain, rtol=1e-4, atol=1e-5)
    bill = summary(net, X.shape)
    assert bill.layers[-1].shape == plain.shape
    trained = [p for p in net.collect_params().values() if p.grad_req != "null"]
    assert bill.num_params == sum(int(numpy.prod(p.shape)) for p in trained)


def test_channels_stand_in_the_order_of_the_branches():
    seed_everything(0)
    net = Inception(8, (6, 12), (4, 8), 4)
    net.initialize(init.MSRAPrelu("in", 0))
    X = np.random.normal(size=(2, 5, 9, 9))
    Y = net(X).asnumpy()
    pieces = numpy.split(Y, numpy.cumsum([8, 12, 8]), axis=1)
    assert len(net) == 4
    for branch, piece in zip(net, pieces):
        numpy.testing.assert_allclose(branch(X).asnumpy(), piece, atol=1e-5)
    *_, pooling = net
    assert pooling[0](X).shape == X.shape, "pooling keeps the size"


@pytest.mark.parametrize("left_out", range(4))
def test_a_branch_can_be_left_out(left_out):
    widths = [8, (6, 12), (4, 8), 4]
    channels = [8, 12, 8, 4]
    widths[left_out] = None
    net = Inception(*widths)
    net.initialize()
    assert net(np.ones((1, 5, 7, 7))).shape == (1, 32 - channels[left_out], 7, 7)
    assert len(net) == 3


@pytest.mark.parametrize(
    ("widths", "num_channels", "num_convs"),
    [
        ((8, 12, 8, None), 28, 3),
        ((8, 12, 8, ()), 33, 3),
        ((8, 12, 8, 4), 32, 4),
        ((8, (6, 12), 8, None), 28, 4),
        (((6, 8), (6, 5, 12), (4, 8), (3, 4)), 32, 2 + 3 + 2 + 2),
        ((None, 12, None, None), 12, 1),
        ((None, None, None, ()), 5, 0),
    ],
)
def test_a_branch_is_what_its_widths_say(widths, num_channels, num_convs):
    net = Inception(*widths)
    net.initialize()
    assert net(np.ones((1, 5, 7, 7))).shape == (1, num_channels, 7, 7)
    assert len(net) == sum(width is not None for width in widths)
    assert len(list(net.collect_params(".*weight").values())) == num_convs


def test_without_its_pooling_a_module_has_no_pooling_layer():
    for c4, pools in ((None, 0), ((), 1), (4, 1)):
        layers = summary(Inception(8, 12, 8, c4), (1, 5, 7, 7)).layers
        assert sum("pool" in layer.name for layer in layers) == pools


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Branches(), "branches: expected at least one"),
        (lambda: Inception(8, (), (4, 8), 4), "c2: expected at least one number"),
        (lambda: Inception(None, None, None, None), "branches: expected at least one"),
        (lambda: Inception(8, 12, (4, 0), 4), "num_channels: expected at least 1"),
        (lambda: Inception(0, (6, 12), (4, 8), 4), "num_channels: expected at least 1"),
        (lambda: WithHeads([HybridSequential()], [HybridSequential()]),
         "heads: expected 0 for 1 parts"),
        (lambda: inception_classroom(widths=()), "expected three modules, got 0"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_told(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_branches_of_different_sizes_are_told_and_padding_mends_it():
    X = np.ones((1, 3, 28, 28))
    for padding, fits in (((0, 0), False), ((1, 1), False), ((1, 2), True)):
        net = Branches(Conv2D(4, 1), Conv2D(4, 3, padding=padding[0]),
                       Conv2D(4, 5, padding=padding[1]))  # fmt: skip
        net.initialize()
        if fits:
            assert net(X).shape == (1, 12, 28, 28)
            continue
        with pytest.raises(ValueError, match=r"different sizes, 28×28, .* can't be"):
            net(X)
        outer = HybridSequential()
        outer.add(net)
        with pytest.raises(
            ValueError, match=r"layer 0 \(Branches\): its branches make"
        ):
            summary(outer, X.shape)


def test_the_table_on_the_chapter_s_page_is_the_package_s():
    chapter = json.loads((NOTEBOOKS / "04_inception.ipynb").read_text("utf-8"))
    (cell,) = (cell for cell in chapter["cells"] if cell["id"] == "modules")
    table = "".join(cell["source"]).partition("=")[2].strip()
    assert ast.literal_eval(table) == GOOGLENET_MODULES


def test_classroom_net_of_other_widths():
    widths = [(8, (4, 8), (4, 8), 8 * (i + 1)) for i in range(3)]
    rows = summary(inception_classroom(widths=widths), (1, 1, 28, 28)).layers
    joined = [row.shape[1] for row in rows if row.name == "Concatenate"]
    assert joined == [32, 40, 48]


# --- auxiliary heads ----------------------------------------------------------------


def test_heads_give_more_scores_and_can_be_taken_off():
    seed_everything(0)
    net = inception_classroom(aux=True)
    net.initialize(init.MSRAPrelu("in", 0))
    X = np.random.normal(size=(3, 1, 28, 28))
    scores, side = net(X)
    assert scores.shape == side.shape == (3, 10)
    numpy.testing.assert_allclose(net.main()(X).asnumpy(), scores.asnumpy(), atol=1e-5)
    without = summary(inception_classroom(), (1, 1, 28, 28)).num_params
    assert summary(net.main(), (1, 1, 28, 28)).num_params == without
    assert summary(net, (1, 1, 28, 28)).num_params > without


def test_googlenet_s_heads_are_those_of_the_paper():
    shapes = {
        layer.name: layer.shape
        for layer in summary(googlenet(aux=True), (1, 3, 224, 224)).layers
    }
    assert shapes["Average pool 5×5/3"][2:] == (4, 4)
    assert shapes["Dense 1024"] == (1, 1024)


@pytest.mark.parametrize("aux_weight", [0.0, 0.3])
def test_the_loss_of_a_head_counts_with_its_weight(aux_weight):
    """After one step without momentum, the head has moved or it has not."""
    train_iter, _, valid_iter = load_fashion_mnist(64, train_size=64, validation=200)
    seed_everything(0)
    net = inception_classroom(aux=True)
    net.initialize(init.MSRAPrelu("in", 0))
    net(np.zeros((1, 1, 28, 28)))
    head = net.heads[0][-1].weight
    before = head.data().asnumpy()
    X, y = next(iter(train_iter))
    train_iter.epoch = 0
    with autograd.record():
        scores, side = net(X)
    expected = [-np.log(_softmax(s))[np.arange(64), y].mean() for s in (scores, side)]
    history = fit(
        net, train_iter, valid_iter, lr=0.1, aux_weight=aux_weight, momentum=0.0,
        weight_decay=0.0, warmup=0.0,
    )  # fmt: skip
    moved = float(numpy.abs(head.data().asnumpy() - before).max())
    assert (moved > 0) == (aux_weight > 0)
    total = float(expected[0] + aux_weight * expected[1])
    assert history.losses[0] == pytest.approx(total, rel=1e-3)
    assert evaluate_accuracy(net, valid_iter) == history.test_acc


def _softmax(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
