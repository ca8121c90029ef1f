"""The sample's images, drawn by the project's own TypeScript and read into NumPy."""

import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
# No two sets share a seed, so no image is in two of them.
TRAIN_SEED = 1
HELD_OUT_SEED, HELD_OUT_COUNT = 2, 10_000
VALIDATION_SEED, VALIDATION_COUNT = 3, 4_000
CALIBRATION_SEEDS, CALIBRATION_COUNT = (101, 102, 103), 200

WRITE_NPY = ROOT / "coordinator/src/sample/write-npy.ts"


def load_glyph_set(*, seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [count, 1, 32, 32] (NCHW) and labels uint8 [count]; needs `node` (24) on the PATH."""
    node = ROOT / "node_modules/.bin/node"
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "glyphs")
        command = [str(node) if node.exists() else "node", str(WRITE_NPY), str(seed), str(count), out]
        subprocess.run(command, check=True)
        images, labels = np.load(f"{out}.images.npy"), np.load(f"{out}.labels.npy")
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)), labels


def scale_images(images: np.ndarray) -> np.ndarray:
    """The network's input as input-contract.json states it: float32, x / 255, mean 0, deviation 1."""
    return images.astype(np.float32) * np.float32(1 / 255)
