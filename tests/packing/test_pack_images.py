"""A folder of pictures, or an .npz, becomes four IDX files and a recipe; nothing is lost without a word."""

import os

import numpy as np
import pytest
import yaml
from PIL import Image

import pack_images
from common import params
from common.errors import PipelineError
from common.params import About, Dataset, Download
from normalize import read_idx
from packing import files
from packing.arrays import find_arrays
from packing.folders import find_pictures
from packing.packed import draw_splits, pack, repeated, table
from packing.prepared import as_digits, as_picture, is_light

RANDOM = np.random.default_rng(0)
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


def packed(folder, share=0.2, seed=0, convert=as_picture):
    return pack(find_pictures(folder), convert, share, seed, list)


def test_classes_are_in_natural_order_and_each_gives_its_share_to_the_test_split(folder):
    result = packed(folder)
    assert result.names == ["2", "10", "café"]
    assert np.bincount(result.labels["train"]).tolist() == [8, 8, 8]
    assert np.bincount(result.labels["test"]).tolist() == [2, 2, 2]
    names = result.files["train"] + result.files["test"]
    assert sorted(names) == sorted(picture.name for picture in find_pictures(folder).pictures)
    for split in ("train", "test"):
        for name, image in zip(result.files[split], result.images[split], strict=True):
            np.testing.assert_array_equal(image, GREY[int(name.split("/")[1].removesuffix(".png"))])


def test_another_seed_chooses_other_pictures_and_the_same_seed_the_same(folder):
    first, again, other = packed(folder), packed(folder), packed(folder, seed=1)
    assert first.files == again.files != other.files


def test_stated_splits_are_kept_and_what_is_beside_them_is_named(folder):
    root = folder.parent / "split"
    folder.rename(root / "train") if root.mkdir() is None else None
    save(root / "test/2/a.png", GREY[0])
    save(root / "val/2/b.png", GREY[0])
    result = packed(root)
    assert (len(result.labels["train"]), len(result.labels["test"])) == (30, 1)
    assert ("val", "beside train and test") in result.refused
    assert repeated(result)[1] == 1  # GREY[0] is in train, too


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("2/.DS_Store", b"x", "a file of the system's"),
        ("2/Thumbs.db", b"x", "a file of the system's"),
        ("2/notes.txt", b"hello", "not an image"),
        ("2/none.png", b"", "the file is empty"),
        ("beside.png", b"x", "in no class folder"),
    ],
)
def test_every_file_that_is_left_out_is_named_with_its_reason(name, content, reason, folder):
    (folder / name).write_bytes(content)
    result = packed(folder)
    assert sum(map(len, result.files.values())) == 30
    ((refused, found),) = result.refused
    assert refused == name
    assert reason in found


def test_links_to_files_are_files_and_links_to_folders_are_not_followed(folder):
    (folder / "2/linked.png").symlink_to("1.png")
    (folder / "2/broken.png").symlink_to("nowhere.png")
    (folder / "2/loop").symlink_to(folder)
    result = packed(folder)
    assert {refused.name for refused in result.refused} == {"2/broken.png", "2/loop"}
    assert repeated(result)[0].tolist() == [1, 0, 0]
    assert table(result)[-1].split() == ["all", str(len(result.labels["train"])), str(len(result.labels["test"])), "1"]


def test_pictures_that_are_equal_go_to_one_split():
    contents = [bytes([i // 4]) for i in range(40)]
    splits = draw_splits(contents, ["a"] * 40, 0.2, 0)
    assert splits.count("test") == 8
    assert all(len({*splits[i : i + 4]}) == 1 for i in range(0, 40, 4))


def test_an_empty_class_folder_is_no_class(folder):
    (folder / "empty").mkdir()
    result = packed(folder)
    assert result.names == ["2", "10", "café"]
    assert result.refused == [("empty/", "an empty class folder")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: [os.rename(folder / name, folder.parent / name) for name in ("2", "10")], "found 1 .café."),
        (lambda folder: save(folder / "rare/1.png", GREY[0]), "rare: expected at least 2 training pictures, found 1"),
        (lambda folder: os.rename(folder, folder.parent / "other"), "expected a folder of pictures .* found nothing"),
        (lambda folder: (folder / "cafe\u0301").mkdir(), "two folders for one class"),
    ],
)
def test_what_cannot_be_a_data_set_is_one_line(change, message, folder):
    change(folder)
    with pytest.raises(PipelineError, match=message) as error:
        packed(folder)
    assert "\n" not in str(error.value)


def test_a_class_that_is_only_tested_cannot_be_learnt(tmp_path):
    for i in range(6):
        save(tmp_path / f"train/{'ab'[i % 2]}/{i}.png", GREY[i])
    save(tmp_path / "test/c/1.png", GREY[9])
    with pytest.raises(PipelineError, match="c: expected at least 2 training pictures, found 0 .and 1 for testing"):
        packed(tmp_path)


def test_a_picture_of_28_pixels_keeps_its_bytes_and_any_other_its_aspect():
    np.testing.assert_array_equal(as_picture(GREY[0].astype(np.float32)), GREY[0])
    wide = np.zeros((100, 200), np.float32)
    wide[25:75, 50:150] = 200
    image = as_picture(wide)
    rows, columns = np.nonzero(image > 50)
    assert abs(np.ptp(rows) + 1 - 7) <= 1  # its edges are smoothed
    assert abs(np.ptp(columns) + 1 - 14) <= 1
    assert image[:7].max() == image[-7:].max() == 0
    for blank in (np.zeros((1, 1)), np.full((50, 3), 255)):
        with pytest.raises(PipelineError, match="the same grey level everywhere"):
            as_picture(blank)
    with pytest.raises(PipelineError, match="no ink found"):
        as_digits(np.full((50, 50), 255.0))


def test_the_background_is_found_from_the_edges():
    dark = np.zeros((3, 28, 28), np.uint8)
    dark[:, 5:20, 5:20] = 255
    assert [is_light(dark), is_light(255 - dark)] == [False, True]


ARRAYS = {"x_train": GREY[:20], "y_train": np.arange(20) % 2, "x_test": GREY[20:], "y_test": np.arange(10) % 2}


def npz(folder, **changes):
    np.savez(folder / "set.npz", **{k: v for k, v in (ARRAYS | changes).items() if v is not None})
    return folder / "set.npz"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"y_train": ARRAYS["y_train"].astype(np.int64)[:, None]},
        {"x_train": ARRAYS["x_train"].astype(np.int64)},
        {"x_train": ARRAYS["x_train"][..., None].repeat(3, axis=3)},
        {"x_train": ARRAYS["x_train"][:, None]},
        {"x_train": ARRAYS["x_train"] / 255},
        {"y_train": ARRAYS["y_train"].astype(float)},
    ],
    ids=["plain", "column of labels", "int64", "RGB", "channels first", "fractions", "float labels"],
)
def test_arrays_in_the_forms_that_others_publish_are_converted(changes, tmp_path):
    result = pack(find_arrays(npz(tmp_path, **changes), None), as_picture, 0.2, 0, list)
    assert result.names == ["0", "1"]
    order = np.argsort(ARRAYS["y_train"], kind="stable")
    np.testing.assert_array_equal(result.images["train"], GREY[:20][order])
    np.testing.assert_array_equal(result.labels["train"], ARRAYS["y_train"][order])


def test_labels_may_begin_anywhere_and_be_named(tmp_path):
    path = npz(tmp_path, y_train=ARRAYS["y_train"] * 9 + 1, y_test=ARRAYS["y_test"] * 9 + 1)
    assert pack(find_arrays(path, None), as_picture, 0.2, 0, list).names == ["1", "10"]
    assert pack(find_arrays(path, ["cat", "dog"]), as_picture, 0.2, 0, list).names == ["cat", "dog"]
    with pytest.raises(PipelineError, match="expected 2 names, for the labels 1, 10, found 1"):
        find_arrays(path, ["cat"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_train": np.eye(2)[ARRAYS["y_train"]]}, "one-hot"),
        ({"y_train": ARRAYS["y_train"][:5]}, "one label for each image, found 20 and 5"),
        ({"y_train": ARRAYS["y_train"] / 3}, "expected whole numbers, found fractions"),
        ({"x_train": GREY[:20] - 300.0}, "grey levels from 0 to 255 or from 0 to 1, found"),
        ({"x_train": GREY[:20].reshape(20, 784)}, r"expected images \(n, height, width\)"),
        ({"x_train": np.array([{}] * 20)}, "not an .npz of plain arrays"),
        ({"x_train": None}, "expected arrays x_train and y_train, found x_test, y_test, y_train"),
    ],
)
def test_arrays_that_are_no_images_and_labels_are_refused_in_words(changes, message, tmp_path):
    with pytest.raises(PipelineError, match=message):
        find_arrays(npz(tmp_path, **changes), None)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(pack_images, "PROJECT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["pack_images.py", *map(str, arguments)])
    pack_images.main()


def test_the_files_and_the_recipe_are_what_the_stages_read_and_the_same_again(folder, project, monkeypatch, capsys):
    call(monkeypatch, folder, "mine", "--licence", "CC0", "--background", "dark")
    own, recipe = project / "data/own/mine", project / "recipes/mine.yaml"
    images = read_idx(own / "train-images-idx3-ubyte", 3)
    assert (images.shape, len(read_idx(own / "t10k-labels-idx1-ubyte", 1))) == ((24, 28, 28), 6)
    values = yaml.safe_load(recipe.read_text())
    monkeypatch.chdir(project)
    params.PATH.write_text(yaml.safe_dump(values))
    assert params.load(Dataset).class_names == ["2", "10", "café"]
    assert params.load(About).licence == "CC0"
    assert params.load(Download).sources == ["data/own/mine"]
    before = {path.name: path.read_bytes() for path in [*own.iterdir(), recipe]}
    call(monkeypatch, folder, "mine", "--background", "dark")
    assert {path.name: path.read_bytes() for path in [*own.iterdir(), recipe]} == before
    assert "python tools/recipe.py mine" in capsys.readouterr().out
    values["train"] = {"epochs": 3}
    recipe.write_text(yaml.safe_dump(values))
    call(monkeypatch, folder, "mine", "--background", "dark")
    assert yaml.safe_load(recipe.read_text())["train"] == {"epochs": 3}


def test_a_recipe_of_something_else_is_not_overwritten(folder, project, monkeypatch):
    (project / "recipes").mkdir()
    (project / "recipes/record.yaml").write_text("train:\n  epochs: 250\n")
    with pytest.raises(PipelineError, match="record.yaml is there already and is of something else"):
        call(monkeypatch, folder, "record")
    with pytest.raises(PipelineError, match="expected a name of letters"):
        call(monkeypatch, folder, "../x")
    assert not (project / "data").exists()


def test_nothing_half_written_is_left_when_writing_fails(folder, project, monkeypatch):
    call(monkeypatch, folder, "mine")
    before = sorted((project / "data/own").rglob("*"))

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(files.figures, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        call(monkeypatch, folder, "mine")
    assert sorted((project / "data/own").rglob("*")) == before


@pytest.mark.parametrize(("images", "epochs", "batch_size"), [(640, 25, 16), (10, 100, 8), (4095, 15, 64)])
def test_few_pictures_are_trained_on_in_small_batches(images, epochs, batch_size):
    assert files.training(images) == {"train": {"epochs": epochs, "batch_size": batch_size}}
    assert files.training(5000) == {}
