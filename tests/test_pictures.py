"""A reader's pictures of every usual kind, and every way a folder can be wrong."""

import shutil

import numpy
import pytest
from PIL import Image

from d2l_nin.datasets import (
    COURSE_PICTURES,
    find_pictures,
    load_image_folder,
    read_image_folder,
    read_picture,
)


def picture(seed=0, height=28, width=28):
    rng = numpy.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width), numpy.uint8))


@pytest.fixture()
def folder(tmp_path):
    """Two classes, cat and dog, of ten pictures each."""
    for label, name in enumerate(("dog", "cat")):
        (tmp_path / name).mkdir()
        for n in range(10):
            picture(10 * label + n).save(tmp_path / name / f"{n}.png")
    return tmp_path


def test_batches_and_class_names(folder, capsys):
    data = load_image_folder(folder, 8)
    assert capsys.readouterr().out == "2 classes: cat (10), dog (10)\n"
    assert data.classes == ("cat", "dog") and data.num_samples == 20
    X, y = next(iter(data))
    assert X.shape == (8, 1, 28, 28) and X.dtype == numpy.float32
    assert y.dtype == numpy.int32
    images, labels, _ = read_image_folder(folder)
    assert (images[0] == numpy.asarray(picture(10))).all() and labels[0] == 0


def test_split_repeats_is_stratified_and_does_not_leak(folder):
    for n in range(5):  # one drawing five times more, in both classes
        shutil.copy(folder / "cat" / "0.png", folder / "cat" / f"again{n}.png")
        shutil.copy(folder / "cat" / "0.png", folder / "dog" / f"again{n}.png")
    for seed in range(5):
        train_iter, test_iter = load_image_folder(folder, 8, 0.3, seed=seed)
        again, _ = load_image_folder(folder, 8, 0.3, seed=seed)
        assert (train_iter.images == again.images).all()
        assert train_iter.num_samples + test_iter.num_samples == 30
        assert set(test_iter.labels) == {0, 1}
        assert not {bytes(x) for x in train_iter.images} & {
            bytes(x) for x in test_iter.images
        }


@pytest.mark.parametrize("test_part", [0.8, 0.3])
def test_a_class_without_training_pictures_is_named(folder, test_part):
    shutil.rmtree(folder / "cat")
    (folder / "cat").mkdir()
    for n in range(2 if test_part == 0.8 else 6):  # two that differ, or six alike
        shown = n if test_part == 0.8 else 0
        picture(10 + shown).save(folder / "cat" / f"{n}.png")
    with pytest.raises(ValueError, match="no picture to train of the class 'cat'"):
        load_image_folder(folder, test_part=test_part)


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tif", "webp", "jpg", "JPG"])
def test_usual_formats(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.new("L", (28, 28), 200).save(path)
    assert numpy.abs(read_picture(path).astype(int) - 200).max() <= 2


def test_16_bit_is_scaled_and_not_cut_off(tmp_path):
    ramp = numpy.linspace(0, 65535, 28 * 28).reshape(28, 28).astype(numpy.uint16)
    for name in ("a.png", "a.tif"):
        Image.fromarray(ramp).save(tmp_path / name)
        assert numpy.abs(read_picture(tmp_path / name) - ramp / 257).max() <= 1


def test_float_pictures(tmp_path):
    ramp = numpy.linspace(0, 1, 28 * 28, dtype=numpy.float32).reshape(28, 28)
    Image.fromarray(ramp).save(tmp_path / "a.tif")
    assert numpy.abs(read_picture(tmp_path / "a.tif") - ramp * 255).max() <= 1


def test_transparent_is_paper(tmp_path):
    X = numpy.zeros((28, 28, 4), numpy.uint8)
    X[:14, :, 3] = 255  # black above, transparent below
    Image.fromarray(X).save(tmp_path / "a.png")
    image = read_picture(tmp_path / "a.png")
    assert (image[:14] == 0).all() and (image[14:] == 255).all()
    inverted = read_picture(tmp_path / "a.png", invert=True)
    assert (inverted == 255 - image).all()


def test_palettes_with_and_without_transparency(tmp_path):
    X = numpy.zeros((28, 28), numpy.uint8)
    X[:14] = 1
    indexed = Image.new("P", (28, 28))
    indexed.putdata(X.ravel())
    indexed.putpalette([255, 255, 255, 0, 0, 0])
    indexed.save(tmp_path / "a.png")
    image = read_picture(tmp_path / "a.png")
    assert (image[:14] == 0).all() and (image[14:] == 255).all()
    indexed.save(tmp_path / "b.png", transparency=1)
    assert (read_picture(tmp_path / "b.png") == 255).all()


def test_exif_turns(tmp_path):
    X = numpy.zeros((28, 28), numpy.uint8)
    X[:14] = 255  # light above
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by 90°: light on the right
    Image.fromarray(X).save(tmp_path / "a.png", exif=exif)
    image = read_picture(tmp_path / "a.png")
    assert (image[:, 14:] == 255).all() and (image[:, :14] == 0).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3), (57, 31), (500, 400)])
def test_odd_sizes_are_centred_on_the_colour_of_their_edge(tmp_path, size):
    X = numpy.full(size, 90, numpy.uint8)
    Image.fromarray(X).save(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png") == 90).all()


def test_pictures_are_found_in_folders_inside_a_folder(folder):
    (folder / "notes.txt").write_text("no picture")
    (folder / "cat" / "album.png").mkdir()
    (folder / ".hidden").mkdir()
    for name in ("b.JPG", "cat/album.png/a.png", ".a.png", ".hidden/a.png"):
        shutil.copy(folder / "cat" / "0.png", folder / name)
    names = [p.relative_to(folder).as_posix() for p in find_pictures(folder)]
    of_classes = [f"{name}/{n}.png" for name in ("cat", "dog") for n in range(10)]
    assert names == ["b.JPG", *of_classes[:10], "cat/album.png/a.png", *of_classes[10:]]
    assert find_pictures(str(folder / "b.JPG")) == [folder / "b.JPG"]
    hidden = find_pictures(folder / ".hidden")
    assert hidden == [folder / ".hidden" / "a.png"], "what is asked for is looked at"


# --- what can be wrong ----------------------------------------------------------


def test_an_unreadable_file_is_named_then_skipped_as_asked(folder):
    whole = (folder / "cat" / "3.png").read_bytes()
    (folder / "cat" / "3.png").write_bytes(whole[: len(whole) // 2])
    (folder / "dog" / "5.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"3\.png: can't be read.*on_error='skip'"):
        load_image_folder(folder)
    with pytest.warns(UserWarning, match="2 of 20 files left out") as told:
        data = load_image_folder(folder, on_error="skip")
    assert data.num_samples == 18
    assert "3.png" in str(told[0].message) and "5.png" in str(told[0].message)


def test_a_broken_link_is_named_then_skipped_as_asked(folder):
    (folder / "cat" / "gone.png").symlink_to(folder / "nowhere.png")
    with pytest.raises(FileNotFoundError, match=r"gone\.png: no such.*on_error='skip'"):
        load_image_folder(folder)
    with pytest.warns(UserWarning, match=r"1 of 21 files left out:\n.*gone\.png"):
        data = load_image_folder(folder, on_error="skip")
    assert data.num_samples == 20


def test_too_large_a_picture_is_refused(folder, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(ValueError, match="too large a picture"):
        load_image_folder(folder)


def no_class(folder):
    for name in ("cat", "dog"):
        shutil.rmtree(folder / name)


def empty_class(folder):
    (folder / "emu").mkdir()
    (folder / "emu" / "notes.txt").write_text("none yet")


def only_case_differs(folder):
    shutil.copytree(folder / "cat", folder / "Cat")


def folder_of_folders(folder):
    shutil.copytree(folder / "cat", folder / "all" / "cat")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (no_class, "no class in it. Expected one folder for each class"),
        (empty_class, "emu: the class has no picture. Expected files that end in"),
        (only_case_differs, "the classes 'Cat' and 'cat' differ only by case"),
        (folder_of_folders, "expected pictures, found the folder 'cat'"),
    ],
)
def test_bad_folders_are_told(folder, harm, message):
    harm(folder)
    if harm is only_case_differs and (folder / "cat").samefile(folder / "Cat"):
        pytest.skip("this disk is blind to case")
    with pytest.raises(ValueError) as told:
        load_image_folder(folder)
    assert message in str(told.value) and str(folder) in str(told.value)


def test_a_class_whose_files_are_all_unreadable(folder):
    for path in (folder / "dog").iterdir():
        path.write_text("no picture")
    with pytest.raises(ValueError, match="none of its 10 pictures can be read"):
        load_image_folder(folder, on_error="skip")


def test_missing_paths_and_wishes_that_can_not_be(folder):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        load_image_folder(folder / "nowhere")
    with pytest.raises(NotADirectoryError, match="expected a folder, found a file"):
        load_image_folder(folder / "cat" / "0.png")
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_picture(folder / "nowhere.png")
    with pytest.raises(FileNotFoundError, match="nowhere: no such file or folder"):
        find_pictures(folder / "nowhere")
    (folder / "empty").mkdir()
    with pytest.raises(ValueError, match="empty: no picture in it"):
        find_pictures(folder / "empty")
    (folder / "empty").rmdir()
    with pytest.raises(ValueError, match="expected 'raise' or 'skip', got 'hide'"):
        load_image_folder(folder, on_error="hide")
    with pytest.raises(ValueError, match="expected 0 ≤ test_part < 1"):
        load_image_folder(folder, test_part=1.0)
    with pytest.raises(ValueError, match="leaves none to test"):
        load_image_folder(folder, test_part=0.001)


@pytest.mark.parametrize(
    "left", ["__MACOSX", "@eaDir", "__pycache__", ".ipynb_checkpoints", "#recycle"]
)
def test_what_programs_leave_behind_is_no_class(folder, left):
    """Neither beside the classes nor inside one, though it holds pictures."""
    found = find_pictures(folder)
    for place in (folder, folder / "cat"):
        shutil.copytree(folder / "dog", place / left)
    (folder / "cat" / "Thumbs.db").write_bytes(b"")
    images, _, classes = read_image_folder(folder)
    assert classes == ("cat", "dog") and len(images) == 20
    assert find_pictures(folder) == found


def test_home_is_expanded(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    name = f"~/{folder.name}"
    assert read_image_folder(name)[2] == ("cat", "dog")
    assert find_pictures(name) == find_pictures(folder)
    file = find_pictures(folder)[0]
    inside = f"{name}/{file.relative_to(folder).as_posix()}"
    assert (read_picture(inside) == read_picture(file)).all()


def test_the_course_s_own_pictures_are_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [p.stem for p in find_pictures(COURSE_PICTURES)] == list("47AERh")
