"""Scenes with garments to be found, class maps, and how a finding is scored."""

import hashlib

import numpy
import pytest
from mxnet import autograd, init, np
from mxnet.gluon import nn
from numpy.testing import assert_allclose

from d2l_nin.baselines import lenet
from d2l_nin.datasets import (
    BACKGROUNDS,
    box_of_garment,
    paste_garments,
    read_fashion_mnist,
    resize_images,
)
from d2l_nin.inception import inception_classroom
from d2l_nin.layers import Conv2D, Dense, HybridSequential
from d2l_nin.localization import (
    box_iou,
    boxes_around,
    boxes_of_maps,
    centres_of_mass,
    class_maps,
    effective_receptive_field,
    enlarge,
    grad_cam,
    peaks,
    pointing_baselines,
    points_in_boxes,
    side_holding,
)
from d2l_nin.nin import nin_classroom
from d2l_nin.resnet import resnet_classroom
from d2l_nin.runtime import seed_everything

_, (IMAGES, LABELS) = read_fashion_mnist()


# --- scenes -------------------------------------------------------------------------


def test_a_garment_is_where_its_box_says():
    """Before black and alone, the box is exactly around what is not black."""
    scenes = paste_garments(
        IMAGES, LABELS, 60, num_distractors=0, backgrounds=("black",), seed=3
    )
    assert scenes.images.shape == (60, 84, 84) and scenes.images.dtype == numpy.uint8
    assert len(scenes) == 60 and set(scenes.backgrounds) == {"black"}
    for image, box in zip(scenes.images, scenes.boxes):
        assert box_of_garment(image) == tuple(box)


def test_places_sizes_and_classes_vary():
    scenes = paste_garments(IMAGES, LABELS, 400, garment_sizes=(24, 44), seed=0)
    heights, widths = (scenes.boxes[:, 2:] - scenes.boxes[:, :2]).T
    assert max(heights.max(), widths.max()) <= 44
    assert (scenes.boxes >= 0).all() and (scenes.boxes <= 84).all()
    middles = (scenes.boxes[:, :2] + scenes.boxes[:, 2:]) / 2
    assert middles.min() < 20 and middles.max() > 64 and middles.std(0).min() > 12
    assert set(scenes.labels) == set(range(10))
    assert set(scenes.backgrounds) == set(BACKGROUNDS)


def test_distractors_do_not_touch_the_garment():
    """Its pixels are those of the same scene without distractors."""
    both = [
        paste_garments(
            IMAGES, LABELS, 1, num_distractors=n, backgrounds=("black",), seed=seed
        )
        for seed in range(20)
        for n in (0, 3)
    ]
    with_more_light = 0
    for alone, crowded in zip(both[::2], both[1::2]):
        top, left, bottom, right = crowded.boxes[0]
        assert (alone.boxes == crowded.boxes).all()
        inside = numpy.s_[0, top:bottom, left:right]
        assert (alone.images[inside] == crowded.images[inside]).all()
        assert 1 <= len(crowded.distractors[0]) <= 3 and alone.distractors == ([],)
        for label, box in crowded.distractors[0]:
            assert label != crowded.labels[0]
            assert box_iou([box], crowded.boxes) == 0
        with_more_light += crowded.images.sum() > alone.images.sum()
    assert with_more_light == 20


def test_centred_scenes_have_the_same_garments_in_the_middle():
    scenes = paste_garments(
        IMAGES, LABELS, 30, 48, num_distractors=0, backgrounds=("black",), seed=3
    )
    centred = scenes.centred()
    assert (abs(centred.boxes[:, :2] + centred.boxes[:, 2:] - 48) <= 1).all()
    for image, box in zip(centred.images, centred.boxes):
        assert box_of_garment(image) == tuple(box)
    assert (centred.images.sum((1, 2)) == scenes.images.sum((1, 2))).all()
    assert (centred.labels == scenes.labels).all()


def test_scenes_are_fixed_by_the_seed():
    digests = [
        hashlib.sha256(paste_garments(IMAGES, LABELS, 20, seed=s).images).hexdigest()
        for s in (5, 5, 6)
    ]
    assert digests[0] == digests[1] != digests[2]


def test_scenes_are_the_same_bytes_on_every_machine():
    """Made in NumPy's float64 and rounded away from ties; this is their checksum."""
    scenes = paste_garments(IMAGES, LABELS, 50, seed=1)
    assert hashlib.sha256(scenes.images).hexdigest()[:16] == "a036b1f028b89f7a"


def test_a_part_of_scenes_is_scenes():
    scenes = paste_garments(IMAGES, LABELS, 20, seed=1)
    part = scenes[5:8]
    assert len(part) == 3 and part.backgrounds == scenes.backgrounds[5:8]
    assert (part.boxes == scenes.boxes[5:8]).all()
    assert part.distractors == scenes.distractors[5:8]
    assert [len(scenes[[2, 0]]), scenes[[2, 0]].backgrounds[1]] == [
        2,
        scenes.backgrounds[0],
    ]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_scenes": 0}, ValueError, "num_scenes: expected at least 1, got 0"),
        ({"size": 8}, ValueError, "size: expected at least 16"),
        ({"size": 2.5}, TypeError, "size: expected an integer"),
        ({"garment_sizes": (24, 90)}, ValueError, r"at most size=84 .* \(24, 90\)"),
        ({"garment_sizes": (40, 30)}, ValueError, r"\(smallest, largest\)"),
        ({"garment_sizes": (2, 30)}, ValueError, "garment_sizes: expected at least 8"),
        ({"num_distractors": -1}, ValueError, "num_distractors: expected at least 0"),
        ({"backgrounds": ("sky",)}, ValueError, "expected some of black, .* got 'sky'"),
        ({"backgrounds": ()}, ValueError, "backgrounds: .* got none"),
        ({"labels": LABELS[:5]}, ValueError, "as many of both"),
        ({"labels": LABELS * 0}, ValueError, "garments of a second class are needed"),
    ],
)
def test_impossible_scenes_are_told(options, error, message):
    arguments = {"images": IMAGES, "labels": LABELS, "num_scenes": 2, **options}
    with pytest.raises(error, match=message):
        paste_garments(**arguments)


def test_an_all_black_garment_is_told():
    with pytest.raises(ValueError, match="image that is all black"):
        box_of_garment(numpy.zeros((28, 28), numpy.uint8))


# --- maps ---------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["gap", "gap_dense"])
@pytest.mark.parametrize("size", [28, 45, 84])
def test_the_means_of_class_maps_are_the_scores(head, size):
    seed_everything(0)
    net = nin_classroom(head=head)
    net.initialize(init.MSRAPrelu("in", 0))
    X = np.random.uniform(size=(3, 1, size, size))
    scores, maps = net(X), class_maps(net, X)
    assert maps.shape[:2] == (3, 10)
    assert_allclose(maps.mean(axis=(2, 3)).asnumpy(), scores.asnumpy(), atol=1e-4)
    if head == "gap_dense":  # against the formula, place by place
        net[-1].bias.set_data(np.random.normal(size=10))
        W, b = (p.data().asnumpy() for p in (net[-1].weight, net[-1].bias))
        features = net[:-3](X).asnumpy()
        one = W @ features[1, :, 0, 1] + b
        found = class_maps(net, X)[1, :, 0, 1].asnumpy()
        assert_allclose(found, one, atol=1e-4)


@pytest.mark.parametrize(
    ("layers", "got"),
    [
        (lambda: [Conv2D(3, 1), nn.Flatten(), Dense(2)], "Conv2D, Flatten, Dense"),
        (lambda: [nn.GlobalAvgPool2D(), nn.Flatten(), Dense(4), Dense(2)],
         "Flatten, Dense, Dense"),
        (lambda: [nn.GlobalMaxPool2D(), nn.Flatten()], "GlobalMaxPool2D, Flatten"),
    ],
)  # fmt: skip
def test_a_net_without_class_maps_is_told(layers, got):
    net = HybridSequential()
    net.add(*layers())
    with pytest.raises(ValueError, match=f"expected GlobalAvgPool2D .* got {got}"):
        class_maps(net, np.zeros((1, 3, 4, 4)))


def test_peaks_and_boxes_of_a_map_drawn_by_hand():
    maps = numpy.zeros((2, 6, 6), numpy.float32)
    maps[0, 1:3, 2:5] = [[5, 9, 5], [5, 5, 5]]  # a hill
    maps[0, 5, 0] = 8  # a lower one, not connected with it
    maps[1, 4, 0] = 1
    assert peaks(maps, 6).tolist() == [[1, 3], [4, 0]]
    assert boxes_of_maps(maps, 6, 0.5).tolist() == [[1, 2, 3, 5], [4, 0, 5, 1]]
    assert boxes_of_maps(maps, 6, 1.0).tolist() == [[1, 3, 2, 4], [4, 0, 5, 1]]
    assert boxes_of_maps(maps, 6, 0.0).tolist() == [[0, 0, 6, 6]] * 2


def test_maps_are_enlarged_to_the_picture():
    maps = numpy.zeros((1, 3, 3), numpy.float32)
    maps[0, 0, 2] = 1
    (i, j), box = peaks(maps, 30)[0], boxes_of_maps(maps, 30, 0.5)[0]
    assert i < 10 and j >= 20
    assert box[1] >= 15 and box[2] <= 15 and box[0] == 0 and box[3] == 30


def test_a_position_is_where_its_receptive_field_is_centred():
    centres = 8 * numpy.arange(3) + 6
    maps = numpy.arange(9.0).reshape(1, 3, 3)
    (large,) = enlarge(maps, 24, centres)
    assert_allclose(large[numpy.ix_(centres, centres)], maps[0])
    assert_allclose(large[6, 6:15], numpy.linspace(0, 1, 9), atol=1e-6)
    assert (large[:6] == large[6]).all() and (large[:, 22:] == large[:, 22:23]).all()
    assert boxes_of_maps(maps, 24, 1.0, centres).tolist() == [[22, 22, 24, 24]]


def test_a_flat_map_has_the_whole_picture_as_its_box():
    assert boxes_of_maps(numpy.ones((1, 3, 3)), 12, 0.5).tolist() == [[0, 0, 12, 12]]


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_out_of_range_is_told(threshold):
    with pytest.raises(ValueError, match="expected 0 ≤ threshold ≤ 1"):
        boxes_of_maps(numpy.ones((1, 3, 3)), 12, threshold)


# --- scores -------------------------------------------------------------------------


def test_iou_by_counting_pixels():
    rng = numpy.random.default_rng(0)
    corners = numpy.sort(rng.integers(0, 20, (200, 2, 2)), axis=1)
    boxes = corners.reshape(200, 4) + numpy.array([0, 0, 1, 1])
    others = boxes[rng.permutation(200)]
    for box, other, iou in zip(boxes, others, box_iou(boxes, others)):
        grid = numpy.zeros((2, 22, 22), bool)
        for g, (top, left, bottom, right) in zip(grid, (box, other)):
            g[top:bottom, left:right] = True
        assert iou == pytest.approx((grid[0] & grid[1]).sum() / grid.any(0).sum())
    assert (box_iou(boxes, boxes) == 1).all()


def test_iou_of_boxes_that_do_not_pair_is_told():
    with pytest.raises(ValueError, match=r"shape \(N, 4\), got \(2, 4\) and \(3, 4\)"):
        box_iou(numpy.ones((2, 4)), numpy.ones((3, 4)))


def test_points_at_the_edges_of_a_box():
    box = [2, 3, 5, 7]
    points = [[2, 3], [4, 6], [5, 6], [4, 7], [1, 3]]
    inside = points_in_boxes(points, [box] * 5)
    assert inside.tolist() == [True, True, False, False, False]


def test_the_middle_of_the_light():
    images = numpy.zeros((2, 9, 9), numpy.uint8)
    images[0, 2, 6] = 200
    images[1, [0, 8], [4, 4]] = 100
    assert centres_of_mass(images).tolist() == [[2, 6], [4, 4]]


def test_guessed_boxes_stay_in_the_picture():
    boxes = boxes_around([[42, 42], [0, 80]], box_size=20, size=84)
    assert boxes.tolist() == [[32, 32, 52, 52], [0, 70, 10, 84]]


def test_float64_stays_float64_when_resized():
    X = numpy.arange(16.0).reshape(4, 4)
    assert resize_images(X, 7).dtype == numpy.float64
    assert resize_images(X.astype(numpy.uint8), 7).dtype == numpy.float32
    assert_allclose(
        resize_images(X, 7), resize_images(X.astype(numpy.float32), 7), atol=1e-5
    )


# --- by gradients -------------------------------------------------------------------


def ready(net, X):
    """A net with weights and biases of its own, and running statistics of its own."""
    seed_everything(3)
    net.initialize(init.MSRAPrelu("in", 0))
    for _ in range(3):
        with autograd.record():
            net(X)
    for parameter in net.collect_params(".*bias").values():
        parameter.set_data(np.random.normal(size=parameter.shape))
    return net


IMAGES_84 = np.random.uniform(size=(4, 1, 56, 56))


@pytest.mark.parametrize("hybridized", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("make", [lambda: nin_classroom(head="gap_dense"),
                                  resnet_classroom, inception_classroom])  # fmt: skip
def test_grad_cam_is_cam_up_to_the_number_of_positions(make, use_bias, hybridized):
    whole = make()
    net = HybridSequential()
    net.add(*whole[:-1], Dense(10, use_bias=use_bias))
    ready(net, IMAGES_84)
    if hybridized:
        net.hybridize()
    labels = numpy.array([0, 3, 9, 3])
    before = net(IMAGES_84).asnumpy()
    found = grad_cam(net, IMAGES_84, labels, relu=False).asnumpy()
    cam = class_maps(net, IMAGES_84).asnumpy()[numpy.arange(4), labels]
    if use_bias:
        cam -= net[-1].bias.data().asnumpy()[labels][:, None, None]
    positions = cam.shape[1] * cam.shape[2]
    assert positions > 1 and cam.std() > 0.01
    assert_allclose(found * positions, cam, rtol=1e-3, atol=1e-4 * numpy.abs(cam).max())
    with_relu = grad_cam(net, IMAGES_84, labels).asnumpy()
    assert_allclose(with_relu, found.clip(0), atol=1e-6)
    assert_allclose(net(IMAGES_84).asnumpy(), before, atol=1e-6)  # the net is as it was


def test_grad_cam_of_class_maps_is_the_map_of_the_class():
    net = ready(nin_classroom(), IMAGES_84)
    maps = class_maps(net, IMAGES_84).asnumpy()[:, 5]
    found = grad_cam(net, IMAGES_84, 5, relu=False).asnumpy() * maps[0].size
    assert_allclose(found, maps, atol=1e-4)


def test_grad_cam_looks_into_any_layer_where_cam_cannot():
    """In front of dense layers, at the second convolution."""
    X = np.random.uniform(size=(3, 1, 28, 28))  # no two alike, so no ties in pooling
    net = ready(lenet(modern=True), X)
    layer = net[4]  # the second convolution, 10×10
    found = grad_cam(net, X, 7, layer, relu=False).asnumpy()
    A = net[:5](X).asnumpy()
    gradient = numpy.zeros_like(A)
    for n, c, i, j in numpy.ndindex(*A.shape):
        if n == 0:  # one image, pixel by pixel: moved a little up and down
            ends = []
            for sign in (1, -1):
                moved = A[:1].copy()
                moved[n, c, i, j] += sign * 1e-3
                ends.append(float(net[5:](np.array(moved))[0, 7]))
            gradient[n, c, i, j] = (ends[0] - ends[1]) / 2e-3
    expected = numpy.einsum("c,chw->hw", gradient[0].mean(axis=(1, 2)), A[0])
    assert_allclose(found[0], expected, atol=0.02 * numpy.abs(expected).max())
    with pytest.raises(ValueError, match="makes \\(N, C, H, W\\), got \\(3, 120\\)"):
        grad_cam(net, X, 7, net[9])
    with pytest.raises(ValueError, match="not part of the net"):
        grad_cam(net, X, 7, Conv2D(1, 1))
    with pytest.raises(ValueError, match="no GlobalAvgPool2D"):
        grad_cam(net, X, 7)


@pytest.mark.parametrize("hybridized", [False, True])
def test_the_receptive_field_of_stacked_convolutions_is_known(hybridized):
    net = HybridSequential()
    net.add(Conv2D(8, 3, padding=1), Conv2D(8, 3, padding=1), Conv2D(8, 5, padding=2))
    seed_everything(0)
    net.initialize(init.Normal(1))
    net(np.zeros((1, 1, 21, 21)))
    if hybridized:
        net.hybridize()
    for layer, side in ((0, 3), (1, 5), (2, 9)):
        field = effective_receptive_field(net, layer, 21)
        assert field.sum() == pytest.approx(1)
        rows, columns = numpy.nonzero(field)
        assert rows.min() == columns.min() == 10 - side // 2
        assert rows.max() == columns.max() == 10 + side // 2
        assert side_holding(field, 1.0) == side
    assert side_holding(field, 0.5) == 5
    again = effective_receptive_field(net, 2, 21)
    assert (again == field).all()


def test_a_uniform_kernel_falls_off_like_a_binomial():
    """With all weights alike, two layers of 1×3 weigh pixels 1 : 2 : 3 : 2 : 1."""
    net = HybridSequential()
    net.add(Conv2D(1, 3, padding=1), Conv2D(1, 3, padding=1))
    net.initialize(init.One())
    net(np.zeros((1, 1, 9, 9)))
    field = effective_receptive_field(net, 1, 9, num_images=1)
    one = numpy.array([1, 2, 3, 2, 1]) / 9
    assert_allclose(field[2:7, 2:7], numpy.outer(one, one), atol=1e-6)
    with pytest.raises(ValueError, match="expected 0 < share ≤ 1"):
        side_holding(field, 0)


def test_a_dead_net_has_no_receptive_field():
    net = HybridSequential()
    net.add(Conv2D(1, 3, activation="relu", bias_initializer=init.Constant(-100)))
    net.initialize(init.Zero())
    net(np.zeros((1, 1, 9, 9)))
    net[0].bias.set_data(np.array([-100.0]))
    with pytest.raises(ValueError, match="no pixel moves"):
        effective_receptive_field(net, 0, 9)


# --- who never looks ----------------------------------------------------------------


def test_asking_for_another_garment_and_for_one_that_is_absent():
    scenes = paste_garments(IMAGES, LABELS, 60, num_distractors=2, seed=1)
    rows, labels, boxes = scenes.find_another()
    assert len(rows) == len(labels) == len(boxes) <= 60
    assert (labels != scenes.labels[rows]).all()
    assert (box_iou(boxes, scenes.boxes[rows]) == 0).all()
    for absent, label, others in zip(
        scenes.absent_labels(), scenes.labels, scenes.distractors
    ):
        assert absent not in (label, *(other for other, _ in others))


def test_baselines_against_drawn_lots():
    scenes = paste_garments(IMAGES, LABELS, 600, num_distractors=2, seed=1)
    shares = pointing_baselines(scenes)
    rng = numpy.random.default_rng(0)
    points = rng.integers(0, 84, (200, 600, 2))
    drawn = numpy.mean([points_in_boxes(p, scenes.boxes).mean() for p in points])
    assert shares["a random pixel"] == pytest.approx(drawn, abs=0.005)
    hits = [rng.integers(1 + len(others)) == 0 for _ in range(300)
            for others in scenes.distractors]  # fmt: skip
    assert shares["a random garment"] == pytest.approx(numpy.mean(hits), abs=0.005)
    alone = paste_garments(IMAGES, LABELS, 20, num_distractors=0, seed=1)
    assert pointing_baselines(alone)["a random garment"] == 1


def test_chance_in_chapter_03_s_scenes():
    """A third, were there always three; some scenes had no room for all."""
    images, labels = read_fashion_mnist()[1]
    scenes = paste_garments(images, labels, num_scenes=1000, size=84, seed=1)
    chance = pointing_baselines(scenes)["a random garment"]
    few = sum(len(others) < 2 for others in scenes.distractors)
    assert few > 0 and round(chance, 3) == 0.361


def test_covered_pixels_are_those_of_all_boxes():
    scenes = paste_garments(IMAGES, LABELS, 20, num_distractors=2, seed=1)
    sizes = [
        sum((b[2] - b[0]) * (b[3] - b[1]) for b in [box, *(other for _, other in rest)])
        for box, rest in zip(scenes.boxes, scenes.distractors)
    ]
    assert scenes.covered().sum(axis=(1, 2)).tolist() == sizes  # no two touch
