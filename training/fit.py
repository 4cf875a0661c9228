"""From samples to weights: multinomial logistic regression, then fewer features, then small integers."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

from jarvisd.routing.features import LOOKS, seen
from jarvisd.routing.scorer import Weights, feature_hash
from training.samples import Sample

Floats: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = Any  # a scipy sparse matrix, which has no types

# A feature of fewer sentences says more about the sentence than about its label.
FEWEST_SENTENCES = 4
# Rows of the shipped table: 24 bytes each.
MOST_FEATURES = 64_000
STRENGTH = 1e-5
MOST_STEPS = 40
# One template in so many is held out to find the temperature.
HELD_OUT_ONE_IN = 5
LARGEST_WEIGHT = 127


@dataclass(frozen=True, slots=True)
class Model:
    """`table[column]` has a weight a label; a column is look * len(features) + the feature's number."""

    features: Sequence[str]
    table: Floats


def count_features(samples: Sequence[Sample]) -> list[str]:
    found: Counter[str] = Counter()
    for sample in samples:
        found.update({feature for _, feature, _ in seen(sample.text)})
    return sorted(feature for feature, count in found.items() if count >= FEWEST_SENTENCES)


def matrix(texts: Sequence[str], features: Sequence[str]) -> Matrix:
    """A row for each text."""
    number = {feature: place for place, feature in enumerate(features)}
    values: list[float] = []
    columns: list[int] = []
    ends = [0]
    for text in texts:
        for look, feature, share in seen(text):
            if (place := number.get(feature)) is not None:
                columns.append(look * len(features) + place)
                values.append(share)
        ends.append(len(columns))
    shape = (len(texts), len(LOOKS) * len(features))
    found = sparse.csr_matrix((np.array(values), np.array(columns, dtype=np.int32), np.array(ends)), shape=shape)
    found.sum_duplicates()
    return found


def fit(seen_in: Matrix, wanted: NDArray[np.int64], weight: Floats, labels: int) -> Floats:
    """The table that makes the wanted labels likely, kept small by its square."""
    whole = np.zeros((seen_in.shape[1], labels))
    used = np.flatnonzero(seen_in.getnnz(axis=0))  # many features are met by some looks only
    seen_in = seen_in[:, used]
    shape = (len(used), labels)
    turned = seen_in.T.tocsr()
    rows = np.arange(len(wanted))
    weight = weight / weight.sum()

    def loss(flat: Floats) -> tuple[float, Floats]:
        table = flat.reshape(shape)
        shares = softmax(seen_in @ table)
        value = -(weight * np.log(shares[rows, wanted] + 1e-12)).sum() + STRENGTH / 2 * (flat @ flat)
        shares[rows, wanted] -= 1
        return float(value), (turned @ (shares * weight[:, None]) + STRENGTH * table).ravel()

    start = np.zeros(shape[0] * shape[1])
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MOST_STEPS})
    whole[used] = np.asarray(found.x).reshape(shape)
    return whole


def softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def train(draws: Sequence[Sequence[Sample]], labels: Sequence[str]) -> Weights:
    """The mean of a model for each draw: what one learned by the chance of its draw, the others did not."""
    features = count_features([sample for samples in draws for sample in samples])
    tables = []
    temperature: dict[str, float] = {}
    for samples in draws:
        seen_in = matrix([sample.text for sample in samples], features)
        wanted = np.array([labels.index(sample.label) for sample in samples])
        weight = np.array([sample.weight for sample in samples])
        temperature = temperature or _temperatures(samples, seen_in, wanted, weight, labels)
        tables.append(fit(seen_in, wanted, weight, len(labels)))
    model = strongest(Model(features, np.mean(tables, axis=0)))
    return quantised(model, labels, temperature)


def strongest(model: Model, most: int = MOST_FEATURES) -> Model:
    """The features that matter; the others' weights are lost, which changes little."""
    looks = model.table.reshape(len(LOOKS), len(model.features), -1)
    spread = (looks - looks.mean(axis=2, keepdims=True)) ** 2
    kept = np.sort(np.argsort(-spread.sum(axis=(0, 2)), kind="stable")[:most])
    return Model([model.features[place] for place in kept], looks[:, kept].reshape(-1, looks.shape[2]))


def quantised(model: Model, labels: Sequence[str], temperature: Mapping[str, float]) -> Weights:
    """Eight bits a weight, with one scale a look."""
    looks = model.table.reshape(len(LOOKS), len(model.features), -1)
    looks = looks - looks.mean(axis=2, keepdims=True)  # the same to each label is nothing
    scales = np.maximum(np.abs(looks).max(axis=(1, 2)) / LARGEST_WEIGHT, 1e-9)
    whole = np.rint(looks / scales[:, None, None]).astype(np.int8)
    hashed = sorted((feature_hash(feature), place) for place, feature in enumerate(model.features))
    hashes, rows = array("I"), array("b")
    for key, place in hashed:
        if not hashes or hashes[-1] != key:  # of two features with one hash the first is kept
            hashes.append(key)
            rows.extend(whole[:, place].ravel().tolist())
    return Weights(tuple(labels), tuple(map(float, scales)), temperature, hashes, rows)


def _temperatures(
    samples: Sequence[Sample], seen_in: Matrix, wanted: NDArray[np.int64], weight: Floats, labels: Sequence[str]
) -> dict[str, float]:
    """By language, from templates that a model was not trained on; "" over all languages."""
    places = {place: number for number, place in enumerate(sorted({sample.place for sample in samples}))}
    held_out = np.array([places[sample.place] % HELD_OUT_ONE_IN == 0 for sample in samples])
    table = fit(seen_in[~held_out], wanted[~held_out], weight[~held_out], len(labels))
    languages = np.array([sample.language for sample in samples])
    found = {}
    for language in ("", *sorted(set(languages))):
        chosen = held_out & (languages == language) if language else held_out
        found[str(language)] = _temperature(seen_in[chosen] @ table, wanted[chosen], weight[chosen])
    return found


def _temperature(scores: Floats, wanted: NDArray[np.int64], weight: Floats) -> float:
    def loss(log_temperature: float) -> float:
        shares = softmax(scores / np.exp(log_temperature))
        return float(-(weight * np.log(shares[np.arange(len(wanted)), wanted] + 1e-12)).sum() / weight.sum())

    found = optimize.minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded")
    return round(float(np.exp(found.x)), 3)
