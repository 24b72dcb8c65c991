import numpy as np
import pytest

from common.errors import PipelineError
from contracts.dataset import Split
from fixtures import SETTINGS, SPLIT, changed
from network import batches
from network.batches import shuffled

NUMBERED = Split(np.broadcast_to(np.arange(10, dtype=np.float32)[:, None, None], (10, 28, 28)), np.arange(10))


def one_by_one(split, settings, epochs):
    """The batches of those epochs, images and labels, without the blocks."""
    for _, (images, labels, count) in shuffled(split, settings, epochs):
        yield from zip(images[:count], labels[:count], strict=True)


def test_an_epoch_is_a_permutation_without_the_incomplete_batch():
    batches = list(one_by_one(NUMBERED, changed(batch_size=3), range(2)))
    assert [len(labels) for _, labels in batches] == [3] * 6
    for images, labels in batches:
        assert (images == labels[:, None, None]).all()
    first, second = (np.concatenate([labels for _, labels in half]) for half in (batches[:3], batches[3:]))
    assert len(set(first)) == len(set(second)) == 9
    assert first.tolist() != second.tolist()


def test_augmentation_deforms_the_images_in_each_epoch_differently_and_leaves_their_order_alone():
    settings = changed(augmentation="elastic")
    plain, deformed = (list(one_by_one(SPLIT, s, range(2))) for s in (SETTINGS, settings))
    for (images, labels), (others, same) in zip(plain, deformed, strict=True):
        np.testing.assert_array_equal(labels, same)
        assert (images != others).any(axis=(1, 2)).all()
    copies = Split(np.broadcast_to(SPLIT.images[:1], SPLIT.images.shape), SPLIT.labels)
    shown = np.concatenate([images for images, _ in one_by_one(copies, settings, range(2))])
    assert len(np.unique(shown, axis=0)) == len(shown)
    second = [images for images, _ in one_by_one(copies, settings, range(1, 2))]
    np.testing.assert_array_equal(np.concatenate(second), shown[len(shown) // 2 :])


def test_the_deformations_weaken_to_the_given_share_in_the_last_epoch():
    full, faded = changed(augmentation="shift"), changed(augmentation="shift", augmentation_strength=[1.0, 0.0])
    plain, full, fading = ([images for images, _ in one_by_one(SPLIT, s, range(4))] for s in (SETTINGS, full, faded))
    batches = len(plain) // 4
    np.testing.assert_array_equal(fading[:batches], full[:batches])
    np.testing.assert_array_equal(fading[-batches:], plain[-batches:])
    assert (np.array(fading[batches:-batches]) != plain[batches:-batches]).any()
    assert (np.array(fading[batches:-batches]) != full[batches:-batches]).any()


@pytest.mark.parametrize(("batch_size", "size"), [(50, 1), (16, 3), (3, 6)])
def test_a_block_has_as_many_batches_as_fit(batch_size, size, monkeypatch):
    monkeypatch.setattr(batches, "BLOCK", 20 if batch_size < 10 else 3_200)
    (_, (images, labels, _)), *_ = shuffled(SPLIT, changed(batch_size=batch_size), range(1))
    assert images.shape[:2] == labels.shape == (size, batch_size)


def test_a_batch_of_more_than_all_images_is_an_error():
    with pytest.raises(PipelineError, match=r"train\.batch_size: expected at most 50, all images, found 51"):
        batches.count_steps(50, changed(batch_size=51))


def test_blocks_hold_the_batches_in_their_order_and_end_with_the_epoch(monkeypatch):
    monkeypatch.setattr(batches, "BLOCK", 6)
    settings = changed(batch_size=3, augmentation="elastic")
    expected = list(one_by_one(NUMBERED, settings, range(2)))
    epochs, blocks = zip(*shuffled(NUMBERED, settings, range(2)), strict=True)
    assert epochs == (0, 0, 1, 1)
    assert [count for _, _, count in blocks] == [2, 1, 2, 1]
    assert all(images.shape == (2, 3, 28, 28) and labels.shape == (2, 3) for images, labels, _ in blocks)
    for part in (0, 1):
        found = np.concatenate([block[part][: block[2]] for block in blocks])
        np.testing.assert_array_equal(found, [batch[part] for batch in expected])
        assert not blocks[1][part][1:].any()


def test_every_validation_image_is_measured_once_in_order(monkeypatch):
    monkeypatch.setattr(batches, "VALIDATION_BATCH", 20)
    fed = list(batches.in_order(SPLIT))
    assert [(len(images), len(labels), int(count)) for images, labels, count in fed] == [
        (20, 20, n) for n in (20, 20, 10)
    ]
    images, labels = (np.concatenate([batch[i][: batch[2]] for batch in fed]) for i in (0, 1))
    np.testing.assert_array_equal(images, SPLIT.images)
    np.testing.assert_array_equal(labels, SPLIT.labels)


def test_items_are_prepared_ahead_in_their_order_and_errors_arrive():
    prepared = []

    def items():
        for number in range(4):
            prepared.append(number)
            yield number
        raise ValueError("broken")

    stream = batches.ahead(items())
    assert next(stream) == 0
    stream.close()  # which waits for the thread
    assert prepared == [0, 1, 2]
    with pytest.raises(ValueError, match="broken"):
        list(batches.ahead(items()))
