"""How long each measure takes, by the number of keys: run by hand, `python -m tests.unit.dax.time_measures`.

The engine is the tests' own, in plain Python, many times slower than Power BI's: what it tells is how time grows, and which
measures are dear. The last column is the straight line through the last two sizes, at 100,000 keys.
"""

import time
from random import Random

from tests.unit.dax.conftest import EDITED
from tests.unit.dax.engine import Model, slicers
from tests.unit.dax.oracle import CHOSEN_BY, EVERYTHING
from tests.unit.dax.test_histories import Version, model_of, version
from tests.unit.dax.test_measures import EXPRESSIONS

SIZES = (250, 500, 1_000)
TARGET = 100_000


def books_of(keys: int) -> Model:
    """Two versions of each of so many documents, of all kinds, of one organisation."""
    random, history = Random(1), list[Version]()
    for number in range(1, keys + 1):
        _, resource, _, said = version(random, [EDITED[number % len(EDITED)]])
        history += [("one", resource, number, said or {}), ("one", resource, number, said or {})]
    return model_of(history)[0]


def main() -> None:
    seconds: dict[str, list[float]] = {name: [] for name in CHOSEN_BY}
    for keys in SIZES:
        model = books_of(keys)
        for name in CHOSEN_BY:
            began = time.process_time()
            model.evaluate(EXPRESSIONS, [name], slicers(["one"], EVERYTHING))
            seconds[name].append(time.process_time() - began)
    head = " | ".join(f"{keys:,}" for keys in (*SIZES, TARGET))
    print(f"| Measure | {head} |\n|---|{'---:|' * (len(SIZES) + 1)}")  # noqa: T201
    for name, found in seconds.items():
        slope = (found[-1] - found[-2]) / (SIZES[-1] - SIZES[-2])
        at_target = found[-1] + max(slope, 0.0) * (TARGET - SIZES[-1])
        print(f"| {name} | {' | '.join(f'{each:.2f}' for each in (*found, at_target))} |")  # noqa: T201


if __name__ == "__main__":
    main()
