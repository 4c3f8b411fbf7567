"""Make one page, report.html, of everything that lies in a run's folder: answers, figures, numbers, warnings."""

import argparse

from run import arguments as flags
from run.command import execute


def parse_arguments() -> argparse.Namespace:
    parser = flags.new_parser(
        "python report.py --output_dir output",
        "Make report.html of what lies in a run's folder: the answers in words and the picture that shows each, then\n"
        "every figure and number, each with the command that draws it again. One file, which needs no network and can\n"
        "be sent by mail or printed. Computes nothing; what is missing is named, with the command that makes it.",
    )
    group = parser.add_argument_group("what is shown")
    flags.add_value(
        group, "--latent_size", flags.whole_number(1), None, "N",
        "the bottleneck that the page is about, beside that of 2 (default: the one that most was made of)",
    )  # fmt: skip
    flags.add_value(
        group, "--hand_in", str, None, "NAME",
        "put NAME on the page, and room to write beside the answers and each part",
    )  # fmt: skip
    flags.add_shared(parser.add_argument_group("run"), "output_dir")
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()

    from stages.report.main import Settings, run

    run(Settings(**vars(args)))


if __name__ == "__main__":
    execute(main)
