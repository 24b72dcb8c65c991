import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from plot import count_confusions, deform


def test_confusions_agree_with_scikit_learn():
    actual, predicted = [1, 1, 0, 2, 2], [1, 2, 2, 0, 2]
    predictions = pd.DataFrame({"actual": actual, "predicted": predicted})
    assert count_confusions(predictions, 3).tolist() == confusion_matrix(actual, predicted).tolist()


def test_every_kind_of_augmentation_deforms_differently_each_time_but_the_original():
    images = np.random.default_rng(0).random((2, 28, 28), np.float32)
    deformed = deform(images, 0)
    np.testing.assert_array_equal(deformed["none"], images[None])
    every = np.concatenate([np.stack(arrays) for arrays in deformed.values()])
    assert len(np.unique(every[:, 0], axis=0)) == len(every) == 10
