"""Writes the .onnx files of this folder with PyTorch and ONNX Runtime, and says what does not work.

    pip install -r requirements.txt
    python make_files.py > make_files.log 2>&1
"""

import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16
from torch.ao import quantization as tq

from nets import QuantizableNet, SequenceNet, SmallNet, batches, build
from reporting import print_failure, print_versions, quiet

FOLDER = Path(__file__).parent
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


def export(net, name, kind=SmallNet, **options):
    """`torch.onnx.export` with the names and the open batch that all files share."""
    args = (next(iter(batches(kind, 1)))[:2],)
    names = {"input_names": ["input"], "output_names": ["logits"]}
    if options.get("dynamo"):
        options = {"dynamic_shapes": ({0: torch.export.Dim("batch")},), "verbose": False, **options}
    else:
        options = {"dynamic_axes": {"input": {0: "batch"}, "logits": {0: "batch"}}, "dynamo": False, **options}
    torch.onnx.export(net, args, str(FOLDER / name), **names, **options)


def attempt(title, name, make):
    """Runs one way of making a file; says what it is and whether ONNX Runtime runs it, or why there is none."""
    print(f"\n== {title}", flush=True)
    path = FOLDER / name
    path.unlink(missing_ok=True)
    try:
        with quiet():
            make(name)
        report(path)
    except Exception as error:  # what does not work is the finding
        print_failure(error)


def report(path):
    model = onnx.load(path)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        print(f"   onnx.checker: {str(error).splitlines()[0].strip()}")
    counts = {}
    for node in model.graph.node:
        counts[node.op_type] = counts.get(node.op_type, 0) + 1
    opsets = ", ".join(f"{item.domain or 'ai.onnx'} {item.version}" for item in model.opset_import)
    print(f"   {path.name}: {path.stat().st_size} bytes, IR {model.ir_version}, {opsets}")
    print("   " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    kind = SequenceNet if path.name.startswith("sequence") else SmallNet
    feed = next(iter(batches(kind, 1))).numpy()
    got = session.run(None, {"input": feed})[0]
    with torch.no_grad():
        wanted = build(kind)(torch.from_numpy(feed)).numpy()
    noise = float(((got - wanted) ** 2).sum())
    sqnr = f"{10 * np.log10(float((wanted**2).sum()) / noise):.1f} dB" if noise > 0 else "equal"
    print(f"   ONNX Runtime runs it; against the float network in PyTorch: {sqnr}")


def calibrated(net):
    with torch.no_grad():
        for batch in batches(SmallNet, 8):
            net(batch)
    return net


# --- Float networks -------------------------------------------------------------------------------------


def export_training(name):
    """Evaluation mode, but nothing folded: BatchNormalization stays in the file."""
    mode = torch.onnx.TrainingMode.PRESERVE
    net = build(SmallNet)
    export(net, name, training=mode, do_constant_folding=False)


# --- PyTorch's own quantization -----------------------------------------------------------------------------


def eager(engine):
    torch.backends.quantized.engine = engine
    net = build(QuantizableNet).fuse()
    net.qconfig = tq.get_default_qconfig(engine)
    return tq.convert(calibrated(tq.prepare(net)))


def qat(qconfig):
    torch.backends.quantized.engine = "fbgemm"
    net = build(QuantizableNet).train().fuse(is_qat=True)
    net.qconfig = qconfig
    net = tq.prepare_qat(net).apply(torch.ao.nn.intrinsic.qat.freeze_bn_stats)
    teacher = build(SmallNet)
    optimiser = torch.optim.SGD(net.parameters(), lr=1e-4)
    for batch in batches(SmallNet, 8):
        (net(batch) - teacher(batch).detach()).square().mean().backward()
        optimiser.step()
        optimiser.zero_grad()
    net.apply(tq.disable_observer)
    return net.eval()


def with_scalars(net):
    """Fake-quantize modules keep scale and zero point of a tensor as arrays of one; ONNX Runtime wants scalars."""
    for module in net.modules():
        if isinstance(module, tq.FakeQuantize) and module.scale.numel() == 1:
            module.scale = module.scale.reshape(())
            module.zero_point = module.zero_point.reshape(())
    return net


def fx(is_reference):
    from torch.ao.quantization.quantize_fx import convert_fx, convert_to_reference_fx, prepare_fx

    torch.backends.quantized.engine = "fbgemm"
    example = (next(iter(batches(SmallNet, 1))),)
    prepared = calibrated(prepare_fx(build(SmallNet), tq.get_default_qconfig_mapping("fbgemm"), example))
    return (convert_to_reference_fx if is_reference else convert_fx)(prepared)


def pt2e():
    from torch.ao.quantization.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torch.ao.quantization.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )

    example = (next(iter(batches(SmallNet, 1))),)
    shapes = ({0: torch.export.Dim("batch")},)
    graph = torch.export.export(build(SmallNet), example, dynamic_shapes=shapes, strict=True).module()
    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    return tq.allow_exported_model_train_eval(convert_pt2e(calibrated(prepare_pt2e(graph, quantizer))))


# --- ONNX Runtime's quantization -----------------------------------------------------------------------------


class Batches(CalibrationDataReader):
    def __init__(self):
        self.feeds = ({"input": batch.numpy()} for batch in batches(SmallNet, 8))

    def get_next(self):
        return next(self.feeds, None)


def static(name, **options):
    prepared = FOLDER / "prepared.tmp.onnx"
    quant_pre_process(str(FOLDER / "float32-torchscript.onnx"), str(prepared))
    try:
        quantize_static(
            str(prepared), str(FOLDER / name), Batches(), calibrate_method=CalibrationMethod.MinMax, **options
        )
    finally:
        prepared.unlink()


def dynamic(name, source, **options):
    quantize_dynamic(str(FOLDER / source), str(FOLDER / name), **options)


def four_bits(name, quant_format, is_symmetric):
    config = DefaultWeightOnlyQuantConfig(
        block_size=16, is_symmetric=is_symmetric, accuracy_level=4, quant_format=quant_format
    )
    quantizer = MatMulNBitsQuantizer(onnx.load(FOLDER / "sequence-float32.onnx"), algo_config=config)
    quantizer.process()
    quantizer.model.save_model_to_file(str(FOLDER / name), False)


def half(name, **options):
    model = onnx.load(FOLDER / "float32-torchscript.onnx")
    onnx.save(convert_float_to_float16(model, keep_io_types=True, **options), FOLDER / name)


def main():
    print_versions()
    net = build(SmallNet)
    attempt("torch.onnx.export(dynamo=False)", "float32-torchscript.onnx", lambda n: export(net, n))
    attempt(
        "torch.onnx.export(dynamo=False, opset_version=20)",
        "float32-torchscript-opset20.onnx",
        lambda n: export(net, n, opset_version=20),
    )
    attempt(
        "torch.onnx.export(dynamo=False, training=PRESERVE, do_constant_folding=False)",
        "float32-unfolded.onnx",
        export_training,
    )
    attempt(
        "torch.onnx.export(dynamo=True), weights in a file beside it",
        "float32-dynamo.onnx",
        lambda n: export(net, n, dynamo=True),
    )
    attempt(
        "torch.onnx.export(dynamo=True, opset_version=21, external_data=False)",
        "float32-dynamo-opset21.onnx",
        lambda n: export(net, n, dynamo=True, opset_version=21, external_data=False),
    )
    attempt(
        "an LSTM: torch.onnx.export(dynamo=False)",
        "sequence-float32.onnx",
        lambda n: export(build(SequenceNet), n, SequenceNet),
    )

    for engine in ("fbgemm", "qnnpack"):
        attempt(
            f"eager mode, get_default_qconfig('{engine}'), stubs and fusion, torch.onnx.export(dynamo=False)",
            f"torch-eager-{engine}.onnx",
            lambda n, engine=engine: export(eager(engine), n),
        )
    attempt(
        "the same with torch.onnx.export(dynamo=True)",
        "torch-eager-dynamo.onnx",
        lambda n: export(eager("fbgemm"), n, dynamo=True, external_data=False),
    )
    attempt(
        "prepare_fx, convert_fx, torch.onnx.export(dynamo=False)",
        "torch-fx.onnx",
        lambda n: export(fx(False), n),
    )
    attempt(
        "prepare_fx, convert_to_reference_fx, torch.onnx.export(dynamo=False)",
        "torch-fx-reference.onnx",
        lambda n: export(fx(True), n),
    )
    attempt(
        "PT2E, XNNPACKQuantizer, torch.onnx.export(dynamo=True)",
        "torch-pt2e.onnx",
        lambda n: export(pt2e(), n, dynamo=True, external_data=False),
    )
    attempt(
        "PT2E, XNNPACKQuantizer, torch.onnx.export(dynamo=False)",
        "torch-pt2e-torchscript.onnx",
        lambda n: export(pt2e(), n),
    )
    attempt(
        "QAT, get_default_qat_qconfig('fbgemm'), torch.onnx.export(dynamo=False)",
        "torch-qat-fused.onnx",
        lambda n: export(qat(tq.get_default_qat_qconfig("fbgemm")), n),
    )
    attempt(
        "QAT, get_default_qat_qconfig('fbgemm', version=0), torch.onnx.export(dynamo=False)",
        "torch-qat.onnx",
        lambda n: export(qat(tq.get_default_qat_qconfig("fbgemm", version=0)), n),
    )
    attempt(
        "the same with scale and zero point of activations as scalars",
        "torch-qat-scalars.onnx",
        lambda n: export(with_scalars(qat(tq.get_default_qat_qconfig("fbgemm", version=0))), n),
    )
    attempt(
        "the same after torch.ao.quantization.convert",
        "torch-qat-converted.onnx",
        lambda n: export(tq.convert(qat(tq.get_default_qat_qconfig("fbgemm"))), n),
    )
    attempt(
        "torch.ao.quantization.quantize_dynamic, torch.onnx.export(dynamo=False)",
        "sequence-torch-dynamic.onnx",
        lambda n: export(tq.quantize_dynamic(build(SequenceNet), {torch.nn.Linear}), n, SequenceNet),
    )

    u8, s8, u16 = QuantType.QUInt8, QuantType.QInt8, QuantType.QUInt16
    attempt(
        "quantize_static, QDQ, QUInt8/QInt8, per_channel",
        "ort-qdq-u8s8-per-channel.onnx",
        lambda n: static(n, activation_type=u8, weight_type=s8, per_channel=True),
    )
    attempt(
        "quantize_static, QDQ, QInt8/QInt8, its defaults",
        "ort-qdq-s8s8-per-tensor.onnx",
        lambda n: static(n, activation_type=s8, weight_type=s8),
    )
    attempt(
        "quantize_static, QDQ, QInt8/QInt8, ActivationSymmetric, per_channel",
        "ort-qdq-s8s8-symmetric.onnx",
        lambda n: static(n, per_channel=True, extra_options={"ActivationSymmetric": True}),
    )
    attempt(
        "quantize_static, QDQ, QUInt16/QInt8",
        "ort-qdq-u16s8.onnx",
        lambda n: static(n, activation_type=u16, weight_type=s8),
    )
    attempt(
        "quantize_static, QOperator, QUInt8/QInt8, per_channel",
        "ort-qoperator-u8s8.onnx",
        lambda n: static(
            n, quant_format=QuantFormat.QOperator, activation_type=u8, weight_type=s8, per_channel=True
        ),
    )
    attempt(
        "quantize_dynamic, its defaults",
        "ort-dynamic.onnx",
        lambda n: dynamic(n, "float32-torchscript.onnx"),
    )
    attempt(
        "an LSTM: quantize_dynamic, per_channel",
        "sequence-ort-dynamic.onnx",
        lambda n: dynamic(n, "sequence-float32.onnx", per_channel=True),
    )
    attempt(
        "MatMulNBitsQuantizer, block 16, QOperator",
        "sequence-ort-4bits.onnx",
        lambda n: four_bits(n, QuantFormat.QOperator, True),
    )
    attempt(
        "MatMulNBitsQuantizer, block 16, QDQ, asymmetric",
        "sequence-ort-4bits-qdq.onnx",
        lambda n: four_bits(n, QuantFormat.QDQ, False),
    )
    attempt("convert_float_to_float16(keep_io_types=True)", "ort-float16.onnx", half)
    attempt(
        "convert_float_to_float16(keep_io_types=True, op_block_list=['Gemm'])",
        "ort-float16-mixed.onnx",
        lambda n: half(n, op_block_list=["Gemm"]),
    )


main()
