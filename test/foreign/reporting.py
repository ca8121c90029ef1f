"""What the scripts of this folder share when they say how an attempt went."""

import os
import re
import sys
from textwrap import shorten


class quiet:
    """Exporters draw their progress and print whole graphs where they fail, also from C++."""

    def __enter__(self):
        sys.stdout.flush()
        self.saved = [os.dup(1), os.dup(2)]
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.close(null)

    def __exit__(self, *_):
        sys.stdout.flush()
        for number, saved in zip((1, 2), self.saved):
            os.dup2(saved, number)
            os.close(saved)


def print_failure(error, lines=6):
    """The kind of error and the first lines of what it says, without colours."""
    text = re.sub(r"\x1b\[\d+m", "", str(error))
    said = [shorten(line.strip(), 240, placeholder=" …") for line in text.splitlines() if line.strip()]
    print(f"   fails: {type(error).__name__}: " + "\n          ".join(said[:lines]))


def print_versions():
    import onnx
    import onnxruntime
    import torch

    print(f"python {sys.version.split()[0]}, torch {torch.__version__.split('+')[0]}, ", end="")
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
