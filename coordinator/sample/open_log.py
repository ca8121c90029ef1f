"""A log that is read while it grows and committed when it is done."""

from collections.abc import Callable
from pathlib import Path


def open_log(path: Path) -> Callable[[str], None]:
    """Returns a function that prints a line and appends it to a new file at `path`."""
    file = path.open("w")

    def log(line: str) -> None:
        print(line, flush=True)
        file.write(f"{line}\n")
        file.flush()

    return log
