"""What people write otherwise, as the baseline: one script, all defaults; `python tutorial.py FOLDER_OF_IDX_FILES`."""

import sys
from pathlib import Path

import keras
import numpy as np

folder = Path(sys.argv[1])


def read(name: str, header: int, *shape: int) -> np.ndarray:
    return np.fromfile(folder / name, np.uint8, offset=header).reshape(-1, *shape)


x_train, y_train = read("train-images-idx3-ubyte", 16, 28, 28) / 255, read("train-labels-idx1-ubyte", 8)
x_test, y_test = read("t10k-images-idx3-ubyte", 16, 28, 28) / 255, read("t10k-labels-idx1-ubyte", 8)
model = keras.Sequential(
    [
        keras.Input((28, 28)),
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=10, validation_split=0.2)
print(model.evaluate(x_test, y_test))
