"""What evaluate.py measured with both protocols, as a table of docs/results.

    python evaluate.py --latent_size 32 --output_dir output
    cp output/metrics.json output/train_test.json
    python evaluate.py --latent_size 32 --output_dir output --protocol transductive
    python -m benchmarks.evaluation_table output/train_test.json output/metrics.json

Prints Markdown: a row for each space, a column for each measure and protocol that there are numbers of, accuracies in
per cent, mean ± standard deviation where there are several runs; then the three answers of the first file. One file
alone makes a narrower table.
"""

import argparse
import json
from pathlib import Path

CLUSTERS = [
    ("ACC", "accuracy_hungarian", True), ("ACC by chance", "accuracy_hungarian_chance", True),
    ("majority", "accuracy_majority", True), ("NMI", "nmi", False), ("ARI", "ari", False),
    ("AMI", "ami", False), ("AMI by chance", "ami_chance", False),
]  # fmt: skip
CLASSES = [("10-NN", "knn_accuracy", True), ("linear probe", "linear_accuracy", True),
           ("macro-F1", "linear_macro_f1", True)]  # fmt: skip
SHORT = {"train-test": "train, test", "transductive": "transductive"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("metrics", type=Path, nargs="+", metavar="FILE", help="metrics.json of one set, each protocol")
    args = parser.parse_args()
    found = [json.loads(path.read_text()) for path in args.metrics]
    if len({each["fingerprint"] for each in found}) > 1:
        raise SystemExit("these are of different splits; name files of one split")

    said = {each["protocol"]: f", {SHORT[each['protocol']]}" if len(found) > 1 else "" for each in found}
    columns = [(heading + said[each["protocol"]], each["latent_space"], name, percent)
               for heading, name, percent in CLUSTERS for each in found]  # fmt: skip
    columns += [(heading, found[0]["latent_space"], name, percent) for heading, name, percent in CLASSES]
    columns += [("MSE", found[0]["reconstruction"], "mse", None)]
    spaces = list(found[0]["latent_space"])
    cells = [
        [written(values.get(space, {}).get(name), percent) for space in spaces] for _, values, name, percent in columns
    ]
    kept = [(heading, each) for (heading, *_), each in zip(columns, cells, strict=True) if any(each)]
    print("| | " + " | ".join(heading for heading, _ in kept) + " |")
    print("| --- " * (1 + len(kept)) + "|")
    for row, space in enumerate(spaces):
        print(f"| {space} | " + " | ".join(each[row] for _, each in kept) + " |")
    for each in found[0]["answers"]:
        print(f"\n*{each['question']}* {each['sentence']}.")
        print("\n".join(f"- {evidence}" for evidence in each["evidence"]))


def written(value: dict | None, percent: bool | None) -> str:
    """A measure as a cell; ``percent`` None is an error with five places."""
    if value is None:
        return ""
    if percent is None:
        return f"{value['mean']:.5f}"
    numbers = [value["mean"]] if value["spread"] is None else [value["mean"], value["spread"]]
    if percent:
        return " ± ".join(f"{100 * number:.1f}" for number in numbers)
    return " ± ".join(f"{round(number, 3) + 0.0:.3f}".replace("0.", ".", 1) for number in numbers)  # not -0.000


if __name__ == "__main__":
    main()
