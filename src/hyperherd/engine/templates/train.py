"""An example to see a sweep at work: gradient descent fits a polynomial to noisy points. Put your training here."""

import math
import random
import time

from hyperherd import log_result, parse_overrides

EPOCHS = 60
DEGREE = 5

given = parse_overrides()
rate, optimizer = given["learning_rate"], given["optimizer"]


def points(count, seed):
    """Pairs of an x from -1 to 1 and a noisy y."""
    draw = random.Random(seed)
    xs = [draw.uniform(-1, 1) for _ in range(count)]
    return [(x, math.sin(3 * x) + draw.gauss(0, 0.1)) for x in xs]


def predicted(weights, x):
    return sum(weight * x**power for power, weight in enumerate(weights))


def loss_of(weights, data):
    return sum((predicted(weights, x) - y) ** 2 for x, y in data) / len(data)


seed = given.get("seed", 0)
train, validation = points(60, seed=2 * seed), points(30, seed=2 * seed + 1)
weights = [0.0] * (DEGREE + 1)
mean, square = [0.0] * len(weights), [0.0] * len(weights)

for epoch in range(1, EPOCHS + 1):
    for step in range(1, 6):
        errors = [(x, predicted(weights, x) - y) for x, y in train]
        slopes = [2 * sum(e * x**power for x, e in errors) / len(errors) for power in range(len(weights))]
        if optimizer == "adam":
            count = 5 * (epoch - 1) + step
            mean = [0.9 * m + 0.1 * s for m, s in zip(mean, slopes)]
            square = [0.999 * v + 0.001 * s * s for v, s in zip(square, slopes)]
            corrected = zip(mean, square)
            slopes = [m / (1 - 0.9**count) / (math.sqrt(v / (1 - 0.999**count)) + 1e-8) for m, v in corrected]
        weights = [weight - rate * slope for weight, slope in zip(weights, slopes)]
    train_loss, val_loss = loss_of(weights, train), loss_of(weights, validation)
    if not train_loss < 1e6:
        raise FloatingPointError(
            f"the loss is {train_loss:.3g} in epoch {epoch}: the learning rate is too large"
        )
    log_result("train_loss", train_loss, step=epoch)
    log_result("val_loss", val_loss, step=epoch)
    print(f"epoch {epoch} of {EPOCHS}: loss {train_loss:.4f}, validation {val_loss:.4f}", flush=True)
    time.sleep(0.02)  # so that there is time to look at it
