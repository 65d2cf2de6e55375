"""The operator's commands. Needs only Python to start: it makes its own environment, in .venv, the first time."""

import sys
from pathlib import Path

from commands.arguments import parser

ROOT = Path(__file__).resolve().parent


def main() -> int:
    arguments = parser().parse_args()  # type: ignore[no-untyped-call]
    from local.bootstrap import run_in_environment

    # Returns only in the project's own environment; elsewhere it makes that and runs this script there.
    run_in_environment(ROOT, [__file__, *sys.argv[1:]])
    from commands.dispatch import dispatch

    return dispatch(arguments)


if __name__ == "__main__":
    sys.exit(main())
