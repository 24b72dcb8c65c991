import pandas as pd
from sklearn.metrics import confusion_matrix

from plot import count_confusions


def test_confusions_agree_with_scikit_learn():
    actual, predicted = [1, 1, 0, 2, 2], [1, 2, 2, 0, 2]
    predictions = pd.DataFrame({"actual": actual, "predicted": predicted})
    assert count_confusions(predictions, 3).tolist() == confusion_matrix(actual, predicted).tolist()
