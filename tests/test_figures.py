"""Figures: the same bytes everywhere, text for those who can't see, true diagrams."""

import base64
import io
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy
import pytest
from PIL import Image

from d2l_nin import figures
from d2l_nin.baselines import lenet, vgg
from d2l_nin.cost import summary
from d2l_nin.datasets import Scenes, paste_garments
from d2l_nin.figures import nets as diagrams
from d2l_nin.figures.picture import STILL_SCALE
from d2l_nin.inception import (
    GOOGLENET_MODULES,
    Inception,
    googlenet,
    inception_classroom,
)
from d2l_nin.layers import HybridSequential
from d2l_nin.nin import nin_block, nin_classroom
from d2l_nin.resnet import Residual, resnet_cifar
from d2l_nin.training import History


def history():
    record = History()
    record.losses = list(numpy.linspace(2.3, 0.5, 40))
    record.epochs = [
        {"epoch": e, "train_loss": 1 / e, "train_acc": 0.8, "test_acc": 0.8}
        for e in (1, 2)
    ]
    return record


IMAGES = (numpy.arange(4 * 28 * 28) % 251).reshape(4, 28, 28).astype(numpy.uint8)

SCENES = Scenes(
    IMAGES[:2],
    numpy.array([8, 4]),
    numpy.array([[2, 3, 20, 15], [0, 0, 28, 28]]),
    ("black", "noise"),
    ([], []),
)

PICTURES = {
    "image_grid": lambda: figures.image_grid(IMAGES, list("abcd")),
    "rows": lambda: figures.image_grid(IMAGES, num_cols=2, row_names=["first", "last"]),
    "map_grid": lambda: figures.map_grid(
        IMAGES[:, :3, :3] / 255, list("abcd"), image=IMAGES[0]
    ),
    "confusion_matrix": lambda: figures.confusion_matrix(
        numpy.eye(3, dtype=int), list("abc")
    ),
    "curves": lambda: figures.curves(
        {"left": {"x": ([1, 2], [0, 1], [1, 2], [2, 3])}, "right": {"y": ([1], [2])}},
        xlabel="step",
        ylabel="share",
    ),
    "training_curves": lambda: figures.training_curves(history()),
    "two logs": lambda: figures.curves(
        {"a long name": ([1, 2], [3, 9]), "a longer name still, to wrap": ([1], [1])},
        xlabel="width",
        ylabel="share",
        log="both",
        alt="a line and a point",
    ),
    "log": lambda: figures.curves(
        {"norm": ([1, 2], [0.01, 100])},
        xlabel="pair",
        ylabel="norm",
        log=True,
    ),
    "colour": lambda: figures.image_grid(
        numpy.stack([IMAGES[0]] * 3, axis=-1)[None], alt="an image with colours"
    ),
    "scene_grid": lambda: figures.scene_grid(
        SCENES, ["bag", "coat"], SCENES.boxes + 2, SCENES.boxes[:, :2]
    ),
    "number_grids": lambda: figures.number_grids(
        [[("X", [[1, -2], [0.5, 3]]), "→", ("Y", [[4]])], [("b", [[7, 8]])]],
        marked={"X": [(0, 1)]},
    ),
    "channel_sums": lambda: figures.channel_sums(
        [[[1, 2], [0, 3]], [[0, 1], [2, 1]]],
        [[[1, -1]], [[0, 2]]],
        [[[-1], [-3]], [[2], [2]]],
        ("red", "green"),
    ),
    "pixel_column": lambda: figures.pixel_column(
        numpy.arange(12).reshape(2, 2, 3),
        [[1, -1], [0, 2]],
        numpy.stack([numpy.full((2, 3), -6), 2 * numpy.arange(6, 12).reshape(2, 3)]),
        (0, 1),
    ),
    "dot_plot": lambda: figures.dot_plot(
        {"with": [0.8, 0.9], "without": [0.1, 0.2], "neither": [0.1]},
        xlabel="accuracy",
        reference=("guessing", 0.1),
    ),
    "shares_picture": lambda: figures.shares_picture(
        {"LeNet": (2572, 59134), "AlexNet": (3_723_968, 43_040_778)}
    ),
    "mlpconv_picture": figures.mlpconv_picture,
    "transfer_picture": figures.transfer_picture,
    "inception_picture": lambda: figures.inception_picture(
        192, 64, (96, 128), (16, 32), 32
    ),
    "googlenet_picture": lambda: figures.googlenet_picture(GOOGLENET_MODULES),
    "pooling_picture": figures.pooling_picture,
    "asked_maps_picture": lambda: figures.asked_maps_picture(
        paste_garments(IMAGES, numpy.arange(4), 2, seed=0),
        numpy.linspace(-1, 2, 2 * 10 * 9).reshape(2, 10, 3, 3),
    ),
    "receptive_field_picture": lambda: figures.receptive_field_picture(
        IMAGES[0],
        {"corner": (0, 0, 9, 9), "middle": (5, 5, 20, 20)},
        {"trained": IMAGES[1] / 255},
        {"trained": {"can see": (5, 5, 20, 20), "holds 95%": (8, 8, 15, 15)}},
    ),
    **{name: getattr(figures, name) for name in figures.residual.__all__},
    "gradients_picture": lambda: figures.gradients_picture(
        {"plain": numpy.ones((5, 2, 24)), "residual": numpy.full((5, 2, 24), 0.5)}
    ),
    "draw_nets": lambda: figures.draw_nets(
        {"LeNet": (lenet(), (1, 1, 28, 28)), "NiN": (nin_classroom(), (1, 1, 28, 28))}
    ),
}


@pytest.mark.parametrize("name", PICTURES)
def test_each_is_sound_svg_with_alt_text(name):
    picture = PICTURES[name]()
    root = ElementTree.fromstring(picture.svg)
    assert root.tag.endswith("svg")
    assert picture.alt and picture.alt == repr(picture)
    assert not re.search(r'(href|src)="https?:|url\(https?:', picture.svg)
    bundle, metadata = picture._repr_mimebundle_()
    still = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    width = round(still.width / STILL_SCALE)
    assert metadata["image/png"] == {"alt": picture.alt, "width": width}
    assert len(bundle["image/png"]) < 90_000
    assert still.convert("RGB").getpixel((0, 0)) == (255, 255, 255), "dark mode"
    shown = bundle["text/html"]
    assert shown.startswith('<img alt="') and f'width="{width}"' in shown
    data = re.search(r'srcset="data:image/svg\+xml;base64,([^"]+)"', shown).group(1)
    assert base64.b64decode(data).decode() == picture.svg
    assert f'src="data:image/png;base64,{bundle["image/png"]}"' in shown
    assert PICTURES[name]().svg == picture.svg, "not the same when drawn again"


# Others hold as much as a reader wants to see at once, which a room can't read.
FOR_SLIDES = {"curves", "training_curves", "log",
              "number_grids", "pixel_column", "dot_plot",
              "shares_picture", "mlpconv_picture", "transfer_picture",
              *figures.residual.__all__}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FOR_SLIDES))
def test_type_can_be_read_in_the_room(name):
    sizes = PICTURES[name]().text_sizes()
    assert sizes and min(sizes) >= 24


def test_sizes_of_type_are_those_drawn():
    with figures.images.style():
        fig, ax = figures.images.plt.subplots(figsize=(10, 5))
        ax.axis("off")
        ax.text(0, 0, "x", fontsize=12)
        small = figures.picture(fig, "an x")
    assert small.text_sizes(width=720) == pytest.approx([12])
    assert small.text_sizes(width=1440, height=720) == pytest.approx([24])


def test_same_bytes_in_another_process():
    code = (
        "import hashlib, runpy\n"
        "pictures = runpy.run_path('tests/test_figures.py')['PICTURES']\n"
        "svg = ''.join(draw().svg for draw in pictures.values())\n"
        "print(hashlib.sha256(svg.encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(digests) == 1


def test_pixels_survive_as_uncompressed_png():
    svg = figures.image_grid(IMAGES[:1], alt="x", num_cols=1).svg
    raw = base64.b64decode(re.search(r"png;base64,([^\"]+)\"", svg).group(1))
    shown = numpy.asarray(Image.open(io.BytesIO(raw)))
    assert shown.ndim == 2 and len(raw) > shown.size
    low, high = IMAGES[0].min(), IMAGES[0].max()
    grey = (IMAGES[0].astype(float) - low) / (high - low) * 255
    assert min(numpy.abs(shown - grey).max(), numpy.abs(shown[::-1] - grey).max()) <= 2


def test_diagram_tells_what_the_net_has():
    alt = figures.draw_nets({"B": (nin_block(7, 5, 2), (1, 3, 32, 32))}).alt
    assert alt.startswith("B: input 3 × 32 × 32; ")
    assert "Conv 5×5/2, 7, to 7 × 14 × 14" in alt
    assert alt.count("Conv 1×1, 7") == 2


def size_of(picture):
    width, height = re.search(
        r'width="([\d.]+)pt" height="([\d.]+)pt"', picture.svg
    ).groups()
    return float(width), float(height)


@pytest.mark.parametrize(
    "nets",
    [
        {"VGG-11": (vgg(), (1, 1, 224, 224))},
        {"NiN": (nin_classroom(), (1, 1, 28, 28))},
        {
            "LeNet": (lenet(), (1, 1, 28, 28)),
            "VGG-11": (vgg(), (1, 1, 224, 224)),
        },
    ],
    ids=list,
)
def test_a_long_chain_can_be_read_on_a_slide(nets):
    """In 1,200 by 600 pixels its type of 9 pt is larger than in one column."""
    width, height = size_of(figures.draw_nets(nets))
    in_one_column = 600 / (72 * max(
        sum(diagrams._box_height(layer) + diagrams._GAP for layer, *_ in boxes)
        for boxes in (diagrams._boxes(*net, True) for net in nets.values())
    ))  # fmt: skip
    assert min(1200 / width, 600 / height) > 1.2 * in_one_column
    assert 0.8 < width / height < 3


def test_ways_that_part_are_not_broken_into_columns():
    net = HybridSequential()
    for _ in range(6):
        net.add(Residual(8))
    net.initialize()
    width, height = size_of(
        figures.draw_nets({"deep": (net, (1, 8, 14, 14))}, by_block=False)
    )
    assert height > 3 * width


def test_the_column_says_its_sum():
    alt = PICTURES["pixel_column"]().alt
    assert "row 0, column 1 of all of them" in alt
    assert alt.endswith(": 1·1 + (-1)·7 = -6; 0·1 + 2·7 = 14.")


def test_colours_stay_colours():
    svg = figures.image_grid(numpy.eye(3)[None], alt="red, green, blue", num_cols=1).svg
    assert svg  # a grey image of 3×3, as its last axis is its width
    pixels = (numpy.eye(3)[:, None] * 255).astype(numpy.uint8)  # (3, 1, 3)
    svg = figures.image_grid(pixels[None], alt="red, green, blue", num_cols=1).svg
    raw = base64.b64decode(re.search(r"png;base64,([^\"]+)\"", svg).group(1))
    shown = numpy.asarray(Image.open(io.BytesIO(raw)))
    assert shown.shape[2] == 3
    assert {tuple(c) for c in shown.reshape(-1, 3)} == {
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
    }


def test_branches_keep_their_lanes_and_meet_where_they_forked():
    boxes = diagrams._boxes(
        Inception(64, (96, 128), (16, 32), 32), (1, 192, 28, 28), False
    )
    lanes = diagrams._lanes(boxes)
    assert sorted(set(lanes.values())) == [-1.5, -0.5, 0.0, 0.5, 1.5]
    for i, (layer, sources, _) in enumerate(boxes):
        if layer.name == "Concatenate":
            assert lanes[i] == 0.0 and len(sources) == 4
            assert sorted(lanes[j] for j in sources) == [-1.5, -0.5, 0.5, 1.5]
        elif sources != [-1]:
            assert lanes[i] == lanes[sources[0]]


def test_no_two_boxes_lie_on_each_other():
    for net, shape in (
        (Inception(8, (6, 12), (4, 8), 4, batch_norm=True), (1, 5, 28, 28)),
        (inception_classroom(), (1, 1, 28, 28)),
        (Residual(8, 2, in_channels=4), (1, 4, 28, 28)),
        (resnet_cifar(8), (1, 1, 28, 28)),
    ):
        boxes = diagrams._boxes(net, shape, False)
        lanes = diagrams._lanes(boxes)
        places = [(lanes[i], rank) for i, (*_, rank) in enumerate(boxes)]
        assert len(set(places)) == len(places)


@pytest.mark.parametrize(
    ("net", "shape", "by_block"),
    [
        (Inception(8, (6, 12), (4, 8), 4), (1, 128, 28, 28), False),
        (Inception(8, 12, 8, ()), (1, 192, 28, 28), False),
        (inception_classroom(), (1, 1, 28, 28), True),
        (inception_classroom(), (1, 1, 28, 28), False),
        (resnet_cifar(8), (1, 1, 28, 28), False),
        (vgg(), (1, 1, 224, 224), True),
    ],
)
def test_ways_are_level_or_upright_and_cross_no_label(
    monkeypatch, net, shape, by_block
):
    ways, boxes = [], []
    draw_way = diagrams._draw_way
    monkeypatch.setattr(
        diagrams, "_draw_way", lambda ax, way: (ways.append(way), draw_way(ax, way))
    )

    def look(fig, alt):
        (ax,) = fig.axes
        fig.canvas.draw()
        to_axes = ax.transData.inverted()
        for text in ax.texts:
            if text.get_text():
                boxes.append(text.get_window_extent().transformed(to_axes).extents)

    monkeypatch.setattr(diagrams, "picture", look)
    figures.draw_nets({"net": (net, shape)}, by_block=by_block)
    assert len(ways) > 5 and len(boxes) > 5
    for way in ways:
        for (x0, y0), (x1, y1) in zip(way, way[1:]):
            assert x0 == x1 or y0 == y1, way
            left, right = sorted((x0, x1))
            lower, upper = sorted((y0, y1))
            for x_min, y_min, x_max, y_max in boxes:
                apart = (right <= x_min or x_max <= left
                         or upper <= y_min or y_max <= lower)  # fmt: skip
                assert apart, (way, (x_min, y_min, x_max, y_max))


def test_boxes_can_have_names_of_another_implementation():
    nets = {"NiN": (nin_block(7, 5, 2), (1, 3, 32, 32))}
    names = {"NiN": ["conv1", "", "cccp1", "", "cccp2", ""]}
    alt = figures.draw_nets(nets, by_block=False, names=names).alt
    assert "conv1: Conv 5×5/2, 7, to 7 × 14 × 14; ReLU, to" in alt
    assert "cccp2: Conv 1×1, 7" in alt and alt != figures.draw_nets(nets).alt
    blocks = HybridSequential()
    blocks.add(nin_block(7, 5, 2))
    nets = {"net": (blocks, (1, 3, 32, 32))}
    alt = figures.draw_nets(nets, names={"net": ["conv1", "cccp1", "cccp2"]}).alt
    assert "conv1: Conv 5×5/2, 7 · cccp1: Conv 1×1, 7 · cccp2: Conv 1×1, 7" in alt
    with pytest.raises(ValueError, match=r"names: expected 3 for 'net', .* got 2"):
        figures.draw_nets(nets, names={"net": ["conv1", "cccp1"]})


def test_the_parts_of_the_stacked_channels_are_those_of_the_module():
    alt = figures.inception_picture(192, 64, (96, 128), (16, 32), 32).alt
    assert "192 channels" in alt and "one output of 256" in alt


def test_googlenet_s_picture_has_the_channels_of_its_modules():
    alt = figures.googlenet_picture(GOOGLENET_MODULES).alt
    net = summary(googlenet(), (1, 3, 224, 224)).by_block().layers
    made = [layer.shape[1] for layer in net if layer.name.startswith("Inception")]
    drawn = [int(found) for found in re.findall(r"\d[a-e] to (\d+)", alt)]
    assert drawn == made and len(made) == 9


def test_a_block_in_which_ways_meet_goes_by_its_class():
    alt = figures.draw_nets({"net": (resnet_cifar(8), (1, 1, 28, 28))}).alt
    assert alt.count("Residual, ") == 3 and "Residual, 32, to 32 × 14 × 14" in alt


def test_a_diagram_that_forks_says_what_each_box_reads():
    net = Residual(8, in_channels=8)
    net.initialize()
    alt = figures.draw_nets({"block": (net, (1, 8, 6, 6))}, by_block=False).alt
    assert alt.startswith("block: input 8 × 6 × 6; (1) Conv 3×3 pad 1, 8 of the input,")
    assert "(2) Batch norm of (1), to 8 × 6 × 6" in alt
    assert "(6) Add of (5) and the input, to 8 × 6 × 6" in alt
    module = Inception(4, (2, 8), (2, 4), 4)
    alt = figures.draw_nets({"module": (module, (1, 3, 6, 6))}).alt
    assert "Conv 1×1, 4 of the input" in alt
    assert "Max pool 3×3/1 pad 1 · 1×1, 4 of the input" in alt


LINES = {f"line {i}": ([1, 2], [i, i]) for i in range(7)}


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (
            lambda: figures.curves(LINES, xlabel="x", ylabel="y", alt="lines"),
            "series: expected at most 6, .* got 7: line 0, ",
        ),
        (
            lambda: figures.curves({"a": LINES}, xlabel="x", ylabel="y", alt="lines"),
            "series, panel 'a': expected at most 6",
        ),
    ],
)  # fmt: skip
def test_what_there_is_no_look_for_is_refused_not_left_out(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("curves", "Lines of share over step. left: x from 1 at 1 to 2 at 2. right: y "
         "is 2 at 1. Bands show the ranges."),
        ("log", "norm from 0.01 at 1 to 100 at 2."),
        ("image_grid", "4 images of 28×28 pixels: a; b; c; d."),
        ("rows", "4 images of 28×28 pixels: first; last."),
        ("map_grid", "4 maps of 3×3 positions, the highest value in "),
        ("scene_grid", "2 scenes with marks (where it is, box from the map, highest "
         "point): bag; coat."),
        ("channel_sums", "+; from green: 2 / 2; =; output: 1 / -1."),
        ("number_grids", "X: 1 -2 / 0.5 3; →; Y: 4; b: 7 8."),
        ("receptive_field_picture", "corner, rows 0 to 8, columns 0 to 8; middle"),
        ("confusion_matrix", "Errors by true and predicted class of 3. There are none"),
    ],
)  # fmt: skip
def test_data_are_put_into_words_where_no_words_are_given(name, said):
    assert said in PICTURES[name]().alt


def test_words_name_the_turn_of_a_line_and_the_most_frequent_errors():
    alt = figures.curves({"a": (range(4), [1, 9, 0.5, 2])}, xlabel="x", ylabel="y").alt
    assert "a from 1 at 0 to 2 at 3, highest 9 at 1, lowest 0.5 at 2" in alt
    counts = [[8, 2, 0], [0, 10, 0], [0, 5, 5]]
    alt = figures.confusion_matrix(counts, ["x", "y", "z"]).alt
    assert alt.endswith("The most frequent: z taken for y (50%), x taken for y (20%).")


def test_an_empty_alt_is_refused():
    with pytest.raises(ValueError, match="alt: expected a sentence"):
        figures.image_grid(IMAGES, alt=" ")


def test_colours_differ_in_greyscale():
    def lightness(colour):
        r, g, b = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        return 0.299 * r + 0.587 * g + 0.114 * b

    first = sorted(lightness(c) for c in figures.COLOURS[:2])
    assert first[1] - first[0] > 20  # the others differ in dashes and hatches as well
    fills = sorted(set(map(lightness, diagrams._FILL.values())))
    assert all(b - a > 8 for a, b in zip(fills, fills[1:]))


def test_dot_plot_says_medians_and_ranges():
    groups = {"with": [0.8, 0.9, 0.85], "without": [0.1, 0.1, 0.2]}
    alt = figures.dot_plot(groups, xlabel="accuracy", reference=("guessing", 0.1)).alt
    assert "with 0.850 (0.800 to 0.900)" in alt
    assert "without 0.100 (0.100 to 0.200)" in alt
    with pytest.raises(ValueError, match="numbers in every group"):
        figures.dot_plot({"with": []}, xlabel="accuracy")


def test_shares_picture_says_the_share_of_dense_layers():
    alt = figures.shares_picture({"LeNet": (2572, 59134)}).alt
    assert "LeNet 95.8% of 61,706" in alt


def test_mlpconv_picture_says_the_idea():
    alt = figures.mlpconv_picture().alt
    assert "patch" in alt and "1×1" in alt and "all positions" in alt


def test_a_confusion_matrix_shows_errors_only():
    """However many answers are right, the same shares of errors look the same."""
    errors = numpy.zeros((25, 25))
    errors[3, 4], errors[7, 2] = 4, 2
    classes = [chr(97 + i) for i in range(25)]

    def drawn(right):
        shares = errors / 10 * right
        counts = numpy.diag(right - shares.sum(axis=1)) + shares
        return figures.confusion_matrix(counts, classes, alt="errors").svg

    first = drawn(10)
    assert drawn(1000) == first
    errors[7, 2] = 3
    assert drawn(10) != first
