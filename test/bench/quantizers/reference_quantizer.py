"""Quantizes one model with onnxruntime.quantization, as its documentation recommends: quant_pre_process, then
static QDQ with uint8 activations and int8 weights, the calibration inputs one by one.

IMAGES is an .npz with `images`, uint8 [N, height, width, channels]; they are scaled as the input contract says,
every step in float32, which gives the same bytes as qfleet's own preparation. Prints one line of JSON:
{"version", "wallSeconds", "peakRssBytes"}; the time is that of reading, scaling, pre-processing and quantizing,
without the start of Python and its imports, the memory that of the whole process.
"""
import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # Read when the library loads.

import argparse
import contextlib
import json
import resource
import sys
import tempfile
import time

import numpy as np
import onnx
import onnx.version_converter
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class ImageReader(CalibrationDataReader):
    """One input per image. Takes `set_range`, so that calibration can go over the images in strides."""

    def __init__(self, images, contract):
        self.images = images
        self.contract = contract
        self.set_range(0, len(images))

    def __len__(self):
        return len(self.images)

    def set_range(self, start_index, end_index):
        self.positions = iter(range(start_index, end_index))

    def get_next(self):
        position = next(self.positions, None)
        if position is None:
            return None
        return {self.contract["inputName"]: prepare(self.images[position], self.contract)}


def prepare(image, contract):
    scaled = image.astype(np.float32) * np.float32(contract["scale"])
    mean = np.asarray(contract["mean"] or [0], np.float32)
    deviation = np.asarray(contract["deviation"] or [1], np.float32)
    scaled = (scaled - mean) / deviation
    planar = scaled.transpose(2, 0, 1) if contract["layout"] == "NCHW" else scaled
    return np.ascontiguousarray(planar[None], np.float32)


def raise_opset(source, target):
    """DequantizeLinear has an axis from opset 13 on; left to itself, quantize_static goes to 11 and writes a bad file."""
    model = onnx.load(source)
    if next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")) < 13:
        model = onnx.version_converter.convert_version(model, 13)
    onnx.save(model, target)


def quantize(options):
    with np.load(options.images) as archive:
        reader = ImageReader(archive["images"], json.loads(options.contract))
    extra = {"CalibPercentile": options.percentile}
    if options.stride:
        extra["CalibStridedMinMax"] = options.stride
    with tempfile.TemporaryDirectory() as folder:
        prepared = os.path.join(folder, "prepared.onnx")
        model = os.path.join(folder, "model.onnx")
        raise_opset(options.model, model)
        # Symbolic shape inference is for transformers, by its own documentation, and wants SymPy.
        quant_pre_process(model, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            options.out,
            reader,
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=options.per_channel,
            calibrate_method=CalibrationMethod[options.method],
            extra_options=extra,
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--contract", required=True, help="JSON: inputName, layout, scale, mean, deviation")
    parser.add_argument("--out", required=True)
    parser.add_argument("--method", default="MinMax", choices=["MinMax", "Entropy", "Percentile"])
    parser.add_argument("--percentile", type=float, default=99.999)
    parser.add_argument("--per-channel", action="store_true")
    parser.add_argument("--stride", type=int, default=0, help="inputs whose activations are kept at a time; 0: all")
    options = parser.parse_args()
    start = time.monotonic()
    with contextlib.redirect_stdout(sys.stderr):
        quantize(options)
    report = {
        "version": onnxruntime.__version__,
        "wallSeconds": time.monotonic() - start,
        "peakRssBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(report))


main()
