"""Train a small network on scikit-learn's digits, one epoch after another.

It goes on where it was cut off: each epoch ends with a checkpoint in a folder named after the trial, and what
an epoch does depends on its number alone.
"""

import os
import pickle
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from hyperherd import log_result, parse_overrides

params = parse_overrides()  # {"learning_rate": 0.001, "optimizer": "adam", ...}, types kept
checkpoint = Path("outputs", os.environ.get("HYPERHERD_TRIAL_NAME", "by-hand"), "checkpoint.pkl")

images, digits = load_digits(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(
    images / 16, digits, test_size=450, random_state=0, stratify=digits
)

if checkpoint.exists():
    first_epoch, model = pickle.loads(checkpoint.read_bytes())
    print(f"resumed at epoch {first_epoch}")
else:
    first_epoch = 0
    model = MLPClassifier(
        hidden_layer_sizes=(params["hidden"],),
        solver=params["optimizer"],
        learning_rate_init=params["learning_rate"],
        momentum=params.get("momentum", 0.0),  # there for sgd only: the condition in hyperherd.yaml
        batch_size=params["batch_size"],
        random_state=params["seed"],
    )

for epoch in range(first_epoch, params["epochs"]):
    order = np.random.default_rng([params["seed"], epoch]).permutation(len(x_train))
    model.partial_fit(x_train[order], y_train[order], classes=np.arange(10))
    log_result("loss", model.loss_, step=epoch)
    log_result("test_accuracy", model.score(x_test, y_test), step=epoch)

    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    unfinished = checkpoint.with_suffix(".tmp")
    unfinished.write_bytes(pickle.dumps((epoch + 1, model)))
    unfinished.replace(checkpoint)  # complete or absent: a killed trial leaves no half of a file

accuracy = model.score(x_test, y_test)
log_result("accuracy", accuracy)
log_result("final_loss", model.loss_)
print(f"accuracy {accuracy:.3f} after {params['epochs']} epochs")
