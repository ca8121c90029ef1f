"""Post-training quantization the way posts about it show it: five calls, then torch.onnx.export. Run for real.

    pip install -r requirements.txt
    python from_the_post.py > from_the_post.log 2>&1

First on a network written for training, as it stands; then each obstacle removed, until a file comes out that
ONNX Runtime runs. The network has the usual parts: Conv-BN-ReLU, ReLU6, a residual addition, Linear.

The file that comes out in the end is QDQ, with asymmetric uint8 activations and symmetric int8 weights per
channel. TensorRT takes symmetric int8 alone (zero points of 0), so `trtexec` cannot build it.
"""

import copy
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from nets import QuantizableNet, SmallNet, WithRelu6, batches, build
from reporting import print_failure, print_versions, quiet

FOLDER = Path(__file__).parent
warnings.filterwarnings("ignore")
torch.backends.quantized.engine = "fbgemm"


def quantize(model, calibration):
    """The calls that such posts show. They give a module whose convolutions are `quantized::conv2d`."""
    model = copy.deepcopy(model).eval()
    model.qconfig = torch.quantization.get_default_qconfig("fbgemm")
    prepared = torch.quantization.prepare(model)
    with torch.no_grad():
        for batch in calibration:
            prepared(batch)
    return torch.quantization.convert(prepared)


def export(model, name, **options):
    example = next(iter(batches(SmallNet, 1)))[:2]
    names = {"input_names": ["input"], "output_names": ["logits"]}
    axes = {"input": {0: "batch"}, "logits": {0: "batch"}}
    with quiet():
        torch.onnx.export(model, (example,), str(FOLDER / name), dynamic_axes=axes, dynamo=False, **names, **options)


def step(title, run):
    print(f"\n== {title}", flush=True)
    try:
        return run()
    except Exception as error:  # what fails is the finding
        print_failure(error, lines=1)
        return None


def run_in_torch(model):
    with torch.no_grad():
        model(next(iter(batches(SmallNet, 1))))
    print("   runs in PyTorch")


def noise():
    """Calibration with random numbers: none of them looks like the data."""
    generator = torch.Generator().manual_seed(1)
    return [torch.randn((8, 3, 16, 16), generator=generator) for _ in range(8)]


def sqnr(wanted, got):
    return 10 * np.log10(float((wanted**2).sum()) / float(((wanted - got) ** 2).sum()))


def judge(name, quantized, reference):
    """What the file is, and whether ONNX Runtime computes what PyTorch's quantized module does."""
    model = onnx.load(FOLDER / name)
    constants = {node.output[0]: node.attribute[0].t for node in model.graph.node if node.op_type == "Constant"}
    for kind in ("QuantizeLinear", "DequantizeLinear"):
        points = [
            onnx.numpy_helper.to_array(constants[node.input[2]])
            for node in model.graph.node
            if node.op_type == kind and node.input[2] in constants
        ]
        types = sorted({f"{point.dtype}{'' if point.ndim == 0 else ' per channel'}" for point in points})
        scalars = sorted({int(point) for point in points if point.ndim == 0})
        print(f"   {kind}: {', '.join(types)}; zero points of activations {scalars}")
    session = onnxruntime.InferenceSession(FOLDER / name, providers=["CPUExecutionProvider"])
    feed = torch.cat(list(batches(SmallNet, 16))[8:])
    got = session.run(None, {"input": feed.numpy()})[0]
    with torch.no_grad():
        in_torch, wanted = quantized(feed).numpy(), reference(feed).numpy()
    print(f"   ONNX Runtime runs {name}; on 64 images that calibration has not seen:")
    print(f"   against PyTorch's quantized module {sqnr(in_torch, got):.1f} dB, ", end="")
    print(f"against the float network {sqnr(wanted, got):.1f} dB")


def main():
    print_versions()
    images = list(batches(SmallNet, 8))
    plain = build(SmallNet)

    print("\n# As such a post does it: the network as it is, random numbers for calibration")
    broken = step("prepare, calibrate, convert", lambda: quantize(plain, noise()))
    if broken is not None:
        print("   no complaint: the calls return a module")
    step("run it", lambda: run_in_torch(broken))
    step("torch.onnx.export(dynamo=False)", lambda: export(broken, "post-broken.tmp.onnx"))

    print("\n# With QuantStub and DeQuantStub around the same network, still x + y and no fusion")
    wrapped = torch.quantization.QuantWrapper(plain)
    halfway = step("prepare, calibrate, convert", lambda: quantize(wrapped, noise()))
    step("run it", lambda: run_in_torch(halfway))

    print("\n# With the addition as a FloatFunctional too, no fusion")
    unfused = build(QuantizableNet)
    stubbed = step("prepare, calibrate, convert", lambda: quantize(unfused, noise()))
    step("run it", lambda: run_in_torch(stubbed))
    step("torch.onnx.export(dynamo=False)", lambda: export(stubbed, "post-unfused.tmp.onnx"))

    print("\n# With fuse_modules too")
    with_relu6 = step("prepare, calibrate, convert", lambda: quantize(build(WithRelu6).fuse(), noise()))
    step("run it", lambda: run_in_torch(with_relu6))
    step("torch.onnx.export(dynamo=False)", lambda: export(with_relu6, "post-relu6.tmp.onnx"))

    print("\n# With ReLU in the place of ReLU6 too")
    fused = build(QuantizableNet).fuse()
    random = step("prepare, calibrate with random numbers, convert", lambda: quantize(fused, noise()))
    step("run it", lambda: run_in_torch(random))
    step("torch.onnx.export(opset_version=11)", lambda: export(random, "post-opset11.tmp.onnx", opset_version=11))
    step("torch.onnx.export(dynamo=False)", lambda: export(random, "post-random.tmp.onnx"))
    step("the file", lambda: judge("post-random.tmp.onnx", random, fused))

    print("\n# And with images for calibration")
    mended = step("prepare, calibrate with images, convert", lambda: quantize(fused, images))
    step("torch.onnx.export(dynamo=False)", lambda: export(mended, "post-mended.tmp.onnx"))
    step("the file", lambda: judge("post-mended.tmp.onnx", mended, fused))
    same = FOLDER / "torch-eager-fbgemm.onnx"
    if same.exists() and same.read_bytes() == (FOLDER / "post-mended.tmp.onnx").read_bytes():
        print(f"   byte for byte {same.name}, which make_files.py wrote")
    for path in FOLDER.glob("post-*.tmp.onnx"):
        path.unlink()


main()
