"""A folder of pictures, or an .npz, becomes four IDX files and a recipe; each refused file is listed."""

import os
from functools import partial
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import pack_images
from common import params
from common.errors import PipelineError
from common.params import About, Dataset, Download
from normalize import read_idx
from packing import pack as packing
from packing import write
from packing.find import find_arrays, find_pictures
from packing.pack import Packed, as_ink, draw_splits, is_ink, pack

RANDOM = np.random.default_rng(0)
as_photo = partial(packing.as_photo, background="dark")
GREY = RANDOM.integers(0, 256, (30, 28, 28), dtype=np.uint8)


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


@pytest.fixture
def folder(tmp_path):
    """Three classes in one folder each, ten pictures in each."""
    for i, image in enumerate(GREY):
        save(tmp_path / "pictures" / ["10", "2", "café"][i % 3] / f"{i}.png", image)
    return tmp_path / "pictures"


def packed(folder, share=0.2, seed=0, convert=as_photo):
    return pack(find_pictures(folder), convert, share, seed)


def counts(result):
    """Pictures of each class: for training, for testing."""
    splits = [result.splits[result.labels == label].tolist() for label in range(len(result.names))]
    return [[split.count("train"), split.count("test")] for split in splits]


def test_classes_are_in_natural_order_and_each_gives_its_share_to_the_test_split(folder):
    result = packed(folder)
    assert (result.names, counts(result)) == (["2", "10", "café"], [[8, 2]] * 3)
    order = [i for first in (1, 0, 2) for i in sorted(range(first, 30, 3), key=str)]
    np.testing.assert_array_equal(result.images, GREY[order])
    np.testing.assert_array_equal(result.splits, packed(folder).splits)
    assert result.splits.tolist() != packed(folder, seed=1).splits.tolist()


@pytest.mark.parametrize(
    ("splits", "train", "test", "note"),
    [
        (["training", "Testing"], 2, 1, ""),
        (["TRAINING_SET", "TEST_SET"], 2, 1, ""),
        (["train", "testing", "valid"], 3, 1, "val: added to train, from which"),
        (["train", "Validation"], 2, 1, "val: used as the test split"),
        (["train"], 2, 1, ""),
    ],
)
def test_given_splits_are_kept_under_any_usual_name(splits, train, test, note, tmp_path, capsys):
    for split, images in zip(splits, (range(2), range(6, 7), range(8, 9)), strict=False):
        for i in range(3) if splits == ["train"] else images:
            for name in ("0", "1"):
                save(tmp_path / split / name / f"{i}.png", GREY[2 * i + int(name)])
    save(tmp_path / "other/0/1.png", GREY[0])
    found = find_pictures(tmp_path)
    result = pack(found, as_photo, 0.2, 0)
    assert (result.names, counts(result)) == (["0", "1"], [[train, test]] * 2)
    printed = capsys.readouterr().out
    assert (printed.startswith(note), bool(printed)) == (True, bool(note))
    assert result.refused == [("other/0/1.png", "beside the folders of the splits")]


def test_a_class_may_have_the_name_of_a_split(tmp_path):
    for i in range(6):
        save(tmp_path / ["train", "test"][i % 2] / f"{i}.png", GREY[i])
    assert packed(tmp_path).names == ["test", "train"]


def test_each_refused_file_is_listed_with_its_reason(folder):
    reasons = {"2/notes.txt": "not a picture", "1.png": "in no class folder"}
    for name in ["2/.DS_Store", "2/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg", "lost+found/1.png", "#recycle/1.png", *reasons]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    for i in range(2):
        save(folder / f"C#/@{i}.png", GREY[i])
    result = packed(folder)
    assert (result.names, len(result.images)) == (["2", "10", "C#", "café"], 32)
    left = ("2/.DS_Store", "2/@eaDir", "lost+found", "#recycle")
    reasons |= dict.fromkeys(left, "left here by a system or a program")
    refused = dict(result.refused)
    assert refused.keys() == reasons.keys()
    assert all(refused[name].startswith(reason) for name, reason in reasons.items())


def test_links_are_followed_but_not_in_circles(folder, tmp_path):
    for i in range(2):
        save(tmp_path / f"elsewhere/{i}.png", GREY[i])
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "2/broken.png").symlink_to("nowhere.png")
    (folder / "2/loop").symlink_to(folder)
    result = packed(folder)
    assert (result.names[-1], len(result.images)) == ("linked", 32)
    assert {name for name, _ in result.refused} == {"2/broken.png", "2/loop"}


def test_equal_pictures_go_to_the_same_split():
    splits = draw_splits(GREY[:10].repeat(4, axis=0), np.zeros(40, int), 0.2, 0).reshape(10, 4)
    assert (splits == "test").all(axis=1).sum() == (splits == "test").any(axis=1).sum() == 2


def test_the_summary_counts_repeated_pictures_and_prints_each_reason_once(capsys):
    splits = np.array(["train", "train", "test", "train", "test"])
    refused = [("a.txt", "not a picture"), ("b.png", "no ink found"), ("c.txt", "not a picture")]
    packed = Packed(["cat", "dog"], GREY[[0, 0, 1, 2, 1]], np.array([0, 0, 0, 1, 1]), splits, refused)
    pack_images.print_result(packed, "data/own/mine")
    out, err = capsys.readouterr()
    table = [line.split() for line in out.splitlines()[:4]]
    assert table == [["class", "train", "test", "repeated"], ["cat", *"211"], ["dog", *"111"], ["all", *"322"]]
    assert err.splitlines() == [
        "pack_images: a.txt and 1 more: not a picture",
        "pack_images: b.png: no ink found",
    ]
    assert out.splitlines()[4:] == [
        "pack_images: 3 refused (data/own/mine/refused.txt)",
        "Look at data/own/mine/contact_sheet.png, then run: python tools/recipe.py mine",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: [os.rename(folder / name, folder.parent / name) for name in ("2", "10")], "found café"),
        (lambda folder: save(folder / "rare/1.png", GREY[0]), "rare: expected at least 2 training pictures, found 1"),
        (lambda folder: os.rename(folder, folder.parent / "other"), "expected a folder of pictures or an .npz file"),
    ],
)
def test_a_folder_without_enough_classes_or_pictures_is_refused(change, message, folder):
    change(folder)
    with pytest.raises(PipelineError, match=message) as error:
        packed(folder)
    assert "\n" not in str(error.value)


def test_photos_of_28_pixels_keep_their_bytes_and_others_their_aspect_ratio():
    np.testing.assert_array_equal(as_photo(GREY[0].astype(np.float32)), GREY[0])
    wide = np.zeros((100, 200), np.float32)
    wide[25:75, 50:150] = 200
    rows, columns = np.nonzero(as_photo(wide) > 50)
    assert [np.ptp(rows) + 1, np.ptp(columns) + 1] == pytest.approx([7, 14], abs=1)  # its edges are smoothed
    assert [rows.min(), columns.min()] == pytest.approx([10, 7], abs=1)


@pytest.mark.parametrize("grey", [np.zeros((1, 1)), 75 + GREY[0] % 2])
def test_a_blank_picture_is_refused(grey):
    with pytest.raises(PipelineError, match="the same grey level everywhere"):
        as_photo(grey)
    with pytest.raises(PipelineError, match="no ink found"):
        as_ink(grey)


def drawn(text, shade=0.0):
    image = Image.new("L", (100, 100), 230)
    ImageDraw.Draw(image).text((25, 10), text, font=ImageFont.load_default(70), fill=30)
    return np.asarray(image) * np.linspace(1, 1 - shade, 100)


def silhouette(width):
    image = Image.new("L", (100, 100), 230)
    ImageDraw.Draw(image).ellipse((20, 10, 20 + width, 80), fill=30)
    return np.asarray(image)


def test_thin_strokes_on_plain_paper_are_ink_and_other_pictures_are_not():
    assert all(is_ink(picture) for text in "AbK7" for picture in (drawn(text), 255 - drawn(text), drawn(text, 0.5)))
    assert not any(map(is_ink, [*GREY, *map(silhouette, (40, 60, 70)), np.zeros((9, 9)), np.full((9, 9), 255)]))


ARRAYS = {"x_train": GREY[:20], "y_train": np.arange(20) % 2, "x_test": GREY[20:], "y_test": np.arange(10) % 2}


def npz(folder, **changes):
    np.savez(folder / "set.npz", **{k: v for k, v in (ARRAYS | changes).items() if v is not None})
    return folder / "set.npz"


@pytest.mark.parametrize(
    "changes",
    [
        {"y_train": ARRAYS["y_train"].astype(np.int64)[:, None]},
        {"y_train": np.eye(2)[ARRAYS["y_train"]]},
        {"x_train": ARRAYS["x_train"].astype(np.int64)[..., None].repeat(3, axis=3)},
        {"x_train": ARRAYS["x_train"] / 255, "y_train": ARRAYS["y_train"].astype(float)},
        {"x_train": None, "y_train": None, "Training_Images": GREY[:20], "training_labels": ARRAYS["y_train"]},
    ],
    ids=["column", "one-hot", "RGB of int64", "fractions", "other names"],
)
def test_arrays_in_usual_forms_are_converted(changes, tmp_path):
    result = pack(find_arrays(npz(tmp_path, **changes), None), as_photo, 0.2, 0)
    assert result.names == ["0", "1"]
    order, train = np.argsort(ARRAYS["y_train"], kind="stable"), result.splits == "train"
    np.testing.assert_array_equal(result.images[train], GREY[:20][order])
    np.testing.assert_array_equal(result.labels[train], ARRAYS["y_train"][order])


def test_labels_may_begin_anywhere_and_be_named(tmp_path):
    path = npz(tmp_path, y_train=ARRAYS["y_train"] * 9 + 1, y_test=ARRAYS["y_test"] * 9 + 1)
    for given, names in [(None, ["1", "10"]), (["cat", "dog"], ["cat", "dog"])]:
        assert pack(find_arrays(path, given), as_photo, 0.2, 0).names == names
    with pytest.raises(PipelineError, match="expected 2 names, for the labels 1, 10, found 1"):
        find_arrays(path, ["cat"])


def test_a_validation_split_joins_train_and_other_arrays_are_refused(tmp_path, capsys):
    npz(tmp_path, x_valid=GREY[:3], y_valid=[0, 1, 0], weights=np.zeros((1, 2, 3)))
    found = find_arrays(tmp_path / "set.npz", None)
    assert [picture.split for picture in found.pictures].count("train") == 23
    assert capsys.readouterr().out.startswith("val: added to train")
    assert found.refused == [("weights", "not read: neither the images nor the labels of a split")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_train": ARRAYS["y_train"][:5]}, "expected one label for each of 20 images, .* found int64 .5,."),
        ({"y_train": ARRAYS["y_train"] / 3}, "a whole number or text"),
        ({"x_train": GREY[:20] - 300.0}, "with levels from 0 to 255 or from 0 to 1, found float64"),
        ({"x_train": GREY[:20].reshape(20, 784)}, r"expected images \(n, height, width\)"),
        ({"x_train": np.array([{}] * 20)}, "not an .npz of plain arrays"),
        ({"x_train": None}, "expected x_train, found x_test, y_test, y_train"),
        ({"x_val": GREY}, "expected y_val, found"),
    ],
)
def test_arrays_that_are_not_images_and_labels_are_refused(changes, message, tmp_path):
    with pytest.raises(PipelineError, match=message) as error:
        find_arrays(npz(tmp_path, **changes), None)
    assert "\n" not in str(error.value)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(pack_images, "PROJECT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["pack_images.py", *map(str, arguments)])
    pack_images.main()


def test_the_stages_can_read_the_result_and_packing_again_keeps_it(folder, project, monkeypatch, capsys):
    os.rename(folder / "café", folder / "1e3")  # a number in YAML
    call(monkeypatch, folder, "mine", "--licence", "CC0", "--background", "dark")
    own, recipe = project / "data/own/mine", project / "recipes/mine.yaml"
    images = read_idx(own / "train-images-idx3-ubyte", 3)
    assert (images.shape, len(read_idx(own / "t10k-labels-idx1-ubyte", 1))) == ((24, 28, 28), 6)
    params.PATH.write_bytes(recipe.read_bytes())
    assert params.load(Dataset).class_names == ["2", "10", "1e3"]
    assert params.load(Download).sources == ["data/own/mine"]
    about = params.load(About)
    assert (about.licence, about.form, about.background) == ("CC0", "pictures", "dark")
    assert "python tools/recipe.py mine" in capsys.readouterr().out

    before = {path: path.read_bytes() for path in [*own.iterdir(), recipe]}
    call(monkeypatch, folder, "mine")  # --background is kept
    assert {path: path.read_bytes() for path in [*own.iterdir(), recipe]} == before
    changed = recipe.read_text().replace("  epochs:", "  # slow\n  seed: 7\n  epochs:")
    recipe.write_text(changed)
    call(monkeypatch, folder, "mine")
    assert recipe.read_text() == changed


def test_the_form_is_chosen_from_the_pictures_and_kept_by_the_recipe(folder, project, monkeypatch, capsys):
    for i, text in enumerate("AAABBB"):
        save(project / "letters" / text / f"{i}.png", drawn(text, i / 20).astype(np.uint8))
    for source, name, line, form in [
        ("letters", "letters", "packed as ink: 100% of a sample are thin strokes", "strokes"),
        (folder, "noise", "packed as photos: 0% of a sample are thin strokes", "pictures"),
    ]:
        call(monkeypatch, source, name)
        assert capsys.readouterr().out.startswith(line)
        assert params.parse((project / f"recipes/{name}.yaml").read_text())["about"]["form"] == form
    for options in (["--as", "photos"], []):  # which the recipe keeps
        call(monkeypatch, "letters", "letters", *options)
        assert capsys.readouterr().out.startswith("packed as photos: 100% of")
    about = params.parse((project / "recipes/letters.yaml").read_text())["about"]
    assert (about["form"], about["background"]) == ("pictures", "light")
    assert np.median(read_idx(project / "data/own/letters/train-images-idx3-ubyte", 3)) < 50


def test_a_recipe_for_something_else_is_not_overwritten(folder, project, monkeypatch):
    (project / "recipes").mkdir()
    (project / "recipes/record.yaml").write_text("train:\n  epochs: 250\n")
    with pytest.raises(PipelineError, match="record.yaml already exists and is a recipe for something else"):
        call(monkeypatch, folder, "record")
    with pytest.raises(PipelineError, match="expected a name of letters"):
        call(monkeypatch, folder, "../x")
    assert not (project / "data").exists()


def test_the_earlier_data_stays_when_writing_fails(folder, project, monkeypatch):
    call(monkeypatch, folder, "mine")
    before = {path: path.read_bytes() for path in (project / "data/own/mine").iterdir()}
    monkeypatch.setattr(write.figures, "save", Mock(side_effect=OSError("full")))
    with pytest.raises(OSError, match="full"):
        call(monkeypatch, folder, "mine", "--seed", 1)
    assert {path: path.read_bytes() for path in (project / "data/own/mine").iterdir()} == before


def test_few_pictures_are_trained_on_in_small_batches():
    for images, epochs, batch_size in [(640, 25, 16), (10, 100, 8), (4095, 15, 64)]:
        assert write.training(images) == {"train": {"epochs": epochs, "batch_size": batch_size}}
    assert write.training(5000) == {}
