"""Where a net sees a class: class maps, and Grad-CAM where a net has none."""

from __future__ import annotations

from contextlib import contextmanager

import numpy
from mxnet import autograd, np
from mxnet.gluon import nn

__all__ = ["class_maps", "grad_cam"]


def class_maps(net, X):
    """One map for each class; the mean of a map is the score of its class.

    Parameters
    ----------
    net : HybridSequential
        Ends in global average pooling and flatten (NiN), or in these two and one dense
        layer: then the result are class activation maps, with the bias added.
    X : array (N, C, H, W)

    Returns
    -------
    array (N, num_classes, H', W')

    Raises
    ------
    ValueError
        The net does not end so.

    Notes
    -----
    Zhou et al., Learning Deep Features for Discriminative Localization, arXiv
    1512.04150, section 2.
    """
    backbone, dense = split_at_gap(net)
    maps = backbone(X)
    if dense is None:
        return maps
    maps = np.einsum("kc,nchw->nkhw", dense.weight.data(X.ctx), maps)
    return maps if dense.bias is None else maps + dense.bias.data(X.ctx)[:, None, None]


def split_at_gap(net):
    """What makes the maps, and the dense layer after their mean, or None."""
    kinds = [type(layer).__name__ for layer in net]
    if kinds[-2:] == ["GlobalAvgPool2D", "Flatten"]:
        return net[:-2], None
    if kinds[-3:] == ["GlobalAvgPool2D", "Flatten", "Dense"]:
        return net[:-3], net[-1]
    raise ValueError(
        "net: expected GlobalAvgPool2D and Flatten at the end, or these and one "
        f"Dense; got {', '.join(kinds[-3:])}"
    )


@contextmanager
def watched(net, layer, look):
    """Compute as in evaluation, recorded; `look` is called with what a layer makes.

    Recorded with ``train_mode=False``, max pooling has a wrong gradient in MXNet 1.9.1
    (its oneDNN version keeps where the maximum was in training alone). So training mode
    it is, with batch norm held at its running statistics and dropout off. A hybridized
    net runs as one piece, past its layers; here it runs layer by layer.
    """
    before = []

    def switch(block):
        for holder, name, value in (
            (vars(block), "_active", False),
            (getattr(block, "_kwargs", {}), "use_global_stats", True),
            (vars(block) if isinstance(block, nn.Dropout) else {}, "_rate", 0),
        ):
            if name in holder:
                before.append((holder, name, holder[name]))
                holder[name] = value

    net.apply(switch)
    hook = layer.register_forward_hook(lambda block, inputs, output: look(output))
    try:
        with autograd.record():
            yield
    finally:
        hook.detach()
        for holder, name, value in before:
            holder[name] = value


def layer_of(net, layer):
    """A layer given as itself or by its position; None: the one before the average."""
    if layer is None:
        kinds = [type(child).__name__ for child in net._children.values()]
        if "GlobalAvgPool2D" not in kinds[1:]:
            raise ValueError(
                "layer: expected a block of the net, as the net has no GlobalAvgPool2D "
                "before which to look"
            )
        layer = kinds.index("GlobalAvgPool2D", 1) - 1
    return net[layer] if isinstance(layer, int) else layer


def maps_in(caught):
    """What was caught last, if it is maps."""
    if not caught or caught[-1].ndim != 4:
        made = caught[-1].shape if caught else "none, it is not part of the net"
        raise ValueError(f"layer: expected one that makes (N, C, H, W), got {made}")
    return caught[-1]


def grad_cam(net, X, labels, layer=None, *, relu=True):
    """Where a layer speaks for a class, for any net and any layer of it.

    Each channel of the layer is weighted with the mean of the gradient of the class's
    score with respect to it, and the channels are summed. For a net that ends in global
    average pooling and a dense layer, this is the class activation map without its
    bias, divided by the number of positions.

    Parameters
    ----------
    net : Block
    X : array (N, C, H, W)
    labels : int, or int array (N,)
        The class asked for, in each image.
    layer : int or Block, optional
        The child of the net at this position, or any block within it, whose output
        (N, C', H', W') is looked at; without it the last before global average pooling.
    relu : bool
        Leave out what speaks against the class, as the paper does.

    Returns
    -------
    array (N, H', W')

    Raises
    ------
    ValueError
        The layer is not part of the net, or makes no maps.

    Notes
    -----
    Selvaraju et al., Grad-CAM, arXiv 1610.02391, equations 1 and 2.
    """
    labels = numpy.broadcast_to(numpy.asarray(labels), (len(X),)).astype(int)
    caught = []

    def look(output):
        output.attach_grad()  # what is computed from it leads back to here
        caught.append(output)

    with watched(net, layer_of(net, layer), look):
        scores = net(X)
        scores = scores[0] if isinstance(scores, (tuple, list)) else scores
        chosen = np.array(numpy.eye(scores.shape[1])[labels], ctx=X.ctx)
        total = (scores * chosen).sum()
    maps = maps_in(caught)
    total.backward()
    weights = maps.grad.mean(axis=(2, 3), keepdims=True)
    cam = (weights * maps.detach()).sum(axis=1)
    return np.maximum(cam, 0) if relu else cam
