"""Trains the example's classifier on scikit-learn's digits and writes model/ and data/digits.safetensors.

Needs tensorflow==2.21.0, tf_keras==2.21.0, scikit-learn and safetensors; the outputs are checked in:

    python generated-example/train.py
"""

import os
import shutil

import numpy as np
import tf_keras as keras
from safetensors.numpy import save_file
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

FOLDER = os.path.dirname(os.path.abspath(__file__))
L = keras.layers


def classifier():
    """Takes images of 8 x 8 pixels with values 0 to 16, returns ten logits."""
    x = image = keras.Input((8, 8, 1), name="image")
    x = L.Rescaling(1 / 16, name="rescale")(x)
    for n, (width, stride) in enumerate([(16, 1), (32, 2), (32, 2)], start=1):
        x = L.Conv2D(width, 3, strides=stride, padding="same", use_bias=False, name=f"conv_{n}")(x)
        x = L.BatchNormalization(momentum=0.9, name=f"bn_{n}")(x)
        x = L.ReLU(name=f"relu_{n}")(x)
    x = L.Flatten(name="flatten")(x)
    x = L.Dense(32, activation="relu", name="hidden")(x)
    x = L.Dropout(0.3, name="dropout")(x)
    return keras.Model(image, L.Dense(10, name="logits")(x), name="digits")


def main():
    keras.utils.set_random_seed(7)
    digits = load_digits()
    images = digits.images.astype(np.uint8)[..., np.newaxis]
    labels = digits.target.astype(np.int64)
    train, test = train_test_split(np.arange(len(images)), test_size=0.25, random_state=7, stratify=labels)
    model = classifier()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss, metrics=["accuracy"])
    model.fit(images[train].astype(np.float32), labels[train], batch_size=32, epochs=15, verbose=2)
    logits = model.predict(images[test].astype(np.float32), verbose=0)
    print("test accuracy", np.mean(logits.argmax(1) == labels[test]))
    shutil.rmtree(os.path.join(FOLDER, "model"), ignore_errors=True)
    model.save(os.path.join(FOLDER, "model"), save_format="tf", include_optimizer=False)
    os.makedirs(os.path.join(FOLDER, "data"), exist_ok=True)
    arrays = {"images": images, "labels": labels, "train": train, "test": test, "tensorflow_logits": logits}
    save_file(arrays, os.path.join(FOLDER, "data", "digits.safetensors"))


if __name__ == "__main__":
    main()
