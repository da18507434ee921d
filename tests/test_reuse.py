"""A trained net elsewhere: on other classes, folded, in a file, in another process."""

import json
import subprocess
import sys
from functools import partial

import numpy
import pytest
from mxnet import autograd, gluon, init, np
from mxnet.gluon import nn

from d2l_nin import runtime
from d2l_nin.baselines import lenet
from d2l_nin.layers import HybridSequential
from d2l_nin.nin import nin_classroom
from d2l_nin.reuse import (
    export_net,
    fold_batch_norm,
    freeze,
    import_net,
    transfer,
)
from d2l_nin.training import fit

SMALL = {"widths": (4, 6, 8)}


@pytest.fixture
def X():
    runtime.seed_everything(1)
    return np.random.uniform(size=(6, 1, 28, 28))


def trained(X, **options):
    """A small NiN whose weights and statistics are not the initial ones."""
    runtime.seed_everything(0)
    net = nin_classroom(**SMALL, **options)
    net.initialize(init.MSRAPrelu("in", 0))
    with autograd.record():
        net(X)
    for parameter in net.collect_params(".*(gamma|beta|running).*").values():
        parameter.set_data(np.random.uniform(0.5, 1.5, size=parameter.shape))
    return net


def values(net):
    return [p.data().asnumpy() for p in net.collect_params().values()]


def test_transfer_keeps_the_backbone_and_makes_a_new_head(X):
    net = trained(X)
    before = values(net)
    new_net = transfer(net, num_classes=7)
    assert new_net(X).shape == (6, 7) and net(X).shape == (6, 10)
    after = values(new_net)
    assert all(map(numpy.array_equal, before[:-2], after[:-2]))
    assert after[-2].shape == (7, 16, 1, 1)


def test_transfer_exchanges_a_dense_layer_too(X):
    net = lenet()
    net.initialize()
    assert net(X).shape == (6, 10)
    new_net = transfer(net, num_classes=3)
    assert new_net(X).shape == (6, 3)
    assert all(map(numpy.array_equal, values(net)[:-2], values(new_net)[:-2]))


@pytest.mark.parametrize("frozen", [True, False])
def test_a_net_with_a_new_head_is_saved_and_loaded(X, tmp_path, frozen):
    net = transfer(trained(X), num_classes=5, frozen=frozen)
    scores, file = net(X), str(tmp_path / "five.params")
    net.save_parameters(file)
    again = nin_classroom(num_classes=5, **SMALL)
    if frozen:  # its convolutions have biases instead of batch norm
        again.initialize()
        again(X)
        again = transfer(again, num_classes=5, frozen=True)
    again.load_parameters(file)
    assert numpy.array_equal(again(X), scores)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_frozen_backbone_stays_and_a_free_one_learns(X, frozen):
    net = trained(X)
    before = values(net)
    batches = [(X, np.array([0, 1, 2, 0, 1, 2], dtype="int32"))]
    new_net = transfer(net, num_classes=3, frozen=frozen)
    new_net(X)
    start = values(new_net)
    fit(new_net, batches, num_epochs=2, lr=0.1)
    same = list(map(numpy.array_equal, start, values(new_net)))
    assert not any(same[-2:])
    assert all(same[:-2]) if frozen else not all(same[:-2])
    if frozen:
        assert all(map(numpy.array_equal, before, values(net)))


def test_nothing_of_a_frozen_net_learns(X):
    frozen = freeze(trained(X))
    assert numpy.allclose(frozen(X), trained(X)(X), rtol=1e-4, atol=1e-4)
    assert {p.grad_req for p in frozen.collect_params().values()} == {"null"}
    before = values(frozen)
    with autograd.record():  # here batch norm would take its statistics anew
        frozen(X)
    assert all(map(numpy.array_equal, before, values(frozen)))


def test_a_frozen_net_gives_what_its_backbone_gives(X):
    net = trained(X)
    new_net = transfer(net, num_classes=3, frozen=True)
    new_net(X)
    assert "BatchNorm" not in repr(new_net)
    free = transfer(net, num_classes=3)
    maps, expected = (
        each[-3][:-1](each[:-3](X))  # all layers but the head, the mean and Flatten
        for each in (new_net, free)
    )
    assert numpy.allclose(maps, expected, rtol=1e-4, atol=1e-4)


def test_a_compiled_net_is_given_a_head_too(X):
    net = trained(X)
    net.hybridize()
    net(X)
    assert transfer(net, num_classes=4)(X).shape == (6, 4)


@pytest.mark.parametrize("options", [{}, {"last_relu": True}, {"head": "gap_dense"}])
def test_folding_keeps_the_scores_and_the_net(X, options):
    net = trained(X, **options)
    scores, before = net(X), values(net)
    folded = fold_batch_norm(net)
    assert numpy.allclose(folded(X), scores, rtol=1e-4, atol=1e-4)
    assert "BatchNorm" in repr(net) and "BatchNorm" not in repr(folded)
    assert all(map(numpy.array_equal, before, values(net)))
    assert numpy.array_equal(net(X), scores)


def test_what_cannot_be_folded_stays(X):
    net = HybridSequential()
    net.add(
        nn.Conv2D(4, 3, strides=2, groups=1), nn.BatchNorm(scale=False),
        nn.Conv2D(8, 3, groups=4, dilation=2), nn.BatchNorm(),
        nn.Conv2D(5, 1, activation="relu"), nn.BatchNorm(), nn.BatchNorm(),
    )  # fmt: skip
    net.initialize()
    with autograd.record():
        net(X)
    folded = fold_batch_norm(net)
    assert repr(folded).count("BatchNorm") == 2, "a ReLU stands between"
    assert numpy.allclose(folded(X), net(X), rtol=1e-4, atol=1e-5)


def test_an_exported_net_gives_the_same_in_another_process(X, tmp_path):
    net = trained(X)
    scores = net(X).asnumpy()
    graph, parameters = export_net(net, tmp_path / "new" / "net", (1, 1, 28, 28))
    assert json.loads(graph.read_text())["nodes"] and parameters.stat().st_size
    numpy.save(tmp_path / "X.npy", X.asnumpy())
    program = (
        "import numpy\nfrom d2l_nin.reuse import import_net\nfrom mxnet import np\n"
        "X = np.array(numpy.load('X.npy'))\n"
        "numpy.save('scores.npy', import_net('new/net')(X).asnumpy())"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert numpy.array_equal(numpy.load(tmp_path / "scores.npy"), scores)


def test_an_imported_net_warns_of_nothing(X, tmp_path, recwarn):
    export_net(trained(X), tmp_path / "net", (1, 1, 28, 28))
    assert import_net(tmp_path / "net")(X).shape == (6, 10)
    assert [str(w.message) for w in recwarn if "type" in str(w.message)] == []


def test_slips_are_told(X, tmp_path):
    fresh = nin_classroom()
    for call in (partial(transfer, num_classes=3), fold_batch_norm, freeze):
        with pytest.raises(RuntimeError, match=r"call net.initialize\(\) first"):
            call(fresh)
        with pytest.raises(TypeError, match="expected a HybridSequential, got Dense"):
            call(nn.Dense(3))
    with pytest.raises(TypeError, match="num_classes"):
        transfer(trained(X), "ten")
    with pytest.raises(ValueError, match="num_classes"):
        transfer(trained(X), 0)
    pools = HybridSequential()
    pools.add(nn.MaxPool2D(2))
    with pytest.raises(ValueError, match="a convolution or a dense layer, found none"):
        transfer(pools, 3)
    with pytest.raises(TypeError, match="expected a HybridBlock, got Sequential"):
        export_net(gluon.nn.Sequential(), tmp_path / "x", (1, 1, 28, 28))
    with pytest.raises(RuntimeError, match="initialize"):
        export_net(fresh, tmp_path / "x", (1, 1, 28, 28))
    with pytest.raises(FileNotFoundError, match="export_net writes it"):
        import_net(tmp_path / "nothing")
