"""Quantizes glyphnet.onnx with onnxruntime.quantization and measures what it costs; writes quantization.log.

    venv/bin/python coordinator/sample/check_quantization.py

Static QDQ, uint8 activations, int8 weights, MinMax ranges from 200 images, one scale per tensor against one per
channel, over three calibration seeds. The cost is a paired difference: both models answer the same held-out
images, and only images where exactly one of them is right count. The interval is that of Agresti and Min (2005,
Statistics in Medicine 24:729) for paired proportions: Wald's after adding 0.5 to each cell of the 2 x 2 table, 95 %.
"""

import argparse
import logging
import math
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from glyph_set import (
    CALIBRATION_COUNT,
    CALIBRATION_SEEDS,
    HELD_OUT_COUNT,
    HELD_OUT_SEED,
    load_glyph_set,
    scale_images,
)
from open_log import open_log

HERE = Path(__file__).resolve().parent
NORMAL_95 = 1.959963984540054


class GlyphReader(CalibrationDataReader):
    """Feeds the calibration images one batch at a time."""

    def __init__(self, seed: int):
        images, _ = load_glyph_set(seed=seed, count=CALIBRATION_COUNT)
        self.batches = iter(np.split(scale_images(images), 4))

    def get_next(self):
        batch = next(self.batches, None)
        return None if batch is None else {"input": batch}


def main() -> None:
    options = read_options()
    logging.getLogger().setLevel(logging.ERROR)
    log = open_log(Path(options.log))
    images, labels = load_glyph_set(seed=options.seed, count=options.count)
    log(f"onnxruntime {onnxruntime.__version__}; static QDQ, QUInt8 activations, QInt8 weights, MinMax, "
        f"{CALIBRATION_COUNT} calibration images; top-1 on {len(labels)} images of seed {options.seed}; "
        "intervals 95 %, paired over images, Agresti-Min")
    with tempfile.TemporaryDirectory() as folder:
        folded = f"{folder}/folded.onnx"
        quant_pre_process(options.model, folded)
        is_right = answer_rightly(folded, images, labels)
        log(f"fp32: {100 * is_right.mean():.2f} %")
        log_depthwise_layers(folded, images, labels, log)
        for is_per_channel in (False, True):
            for seed in CALIBRATION_SEEDS:
                quantized = f"{folder}/quantized.onnx"
                quantize(folded, quantized, seed=seed, is_per_channel=is_per_channel)
                log_loss(is_right, answer_rightly(quantized, images, labels), log,
                         name=f"{'per-channel' if is_per_channel else 'per-tensor '}  calibration seed {seed}")


def quantize(source: str, target: str, *, seed: int, is_per_channel: bool) -> None:
    quantize_static(
        source,
        target,
        GlyphReader(seed),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=is_per_channel,
        calibrate_method=CalibrationMethod.MinMax,
    )


def answer_rightly(model: str | bytes, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Whether `model` (a path or the bytes of an ONNX file) classifies each image rightly: bool [images]."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    parts = [session.run(["logits"], {"input": scale_images(part)})[0] for part in np.array_split(images, 20)]
    return np.concatenate(parts).argmax(1) == labels


def log_loss(reference: np.ndarray, quantized: np.ndarray, log, *, name: str) -> None:
    only_reference = int((reference & ~quantized).sum())
    only_quantized = int((~reference & quantized).sum())
    low, high = paired_interval(only_reference, only_quantized, len(reference))
    loss = (only_reference - only_quantized) / len(reference)
    log(f"{name}: {100 * quantized.mean():6.2f} %  loss {100 * loss:+.2f} points, 95 % interval "
        f"{100 * low:+.2f} ... {100 * high:+.2f}  (only fp32 right {only_reference}, "
        f"only int8 right {only_quantized})")


def paired_interval(lost: int, gained: int, count: int) -> tuple[float, float]:
    """95 % interval of (lost - gained) / count, Agresti-Min."""
    b, c, n = lost + 0.5, gained + 0.5, count + 2
    half = NORMAL_95 * math.sqrt((b + c) - (b - c) ** 2 / n) / n
    return (b - c) / n - half, (b - c) / n + half


def log_depthwise_layers(folded: str, images: np.ndarray, labels: np.ndarray, log) -> None:
    """For each depthwise layer after folding: how much wider the widest channel is than the middle one, and what
    rounding this layer's weights alone to int8 with one scale costs, everything else in fp32."""
    model = onnx.load(folded)
    right = answer_rightly(folded, images, labels).sum()
    weights = {weight.name: weight for weight in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type != "Conv" or all(part.i == 1 for part in node.attribute if part.name == "group"):
            continue
        stored = weights[node.input[1]]
        original, weight = onnx.TensorProto.FromString(stored.SerializeToString()), numpy_helper.to_array(stored)
        widths = np.abs(weight).reshape(len(weight), -1).max(axis=1)
        step = widths.max() / 127
        stored.CopyFrom(numpy_helper.from_array(np.round(weight / step) * step, stored.name))
        loss = (right - answer_rightly(model.SerializeToString(), images, labels).sum()) / len(labels)
        stored.CopyFrom(original)
        middle = np.median(widths)
        log(f"depthwise {node.name:13s} {len(weight):3d} channels, largest weight of a channel: least "
            f"{widths.min():.3g}, median {middle:.3g}, most {widths.max():.3g}, most / median "
            f"{widths.max() / middle:.1f}; rounded alone: loss {100 * loss:+.2f} points")


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=str(HERE / "glyphnet.onnx"))
    parser.add_argument("--log", default=str(HERE / "quantization.log"))
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEED)
    parser.add_argument("--count", type=int, default=HELD_OUT_COUNT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
