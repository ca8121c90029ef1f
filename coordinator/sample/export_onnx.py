"""Writes a trained GlyphNet as ONNX, one node per layer.

The graph is written node by node rather than traced, so that BatchNormalization stays a node of its own (folding
it is a step that quantization tools must show) and names do not depend on the version of an exporter.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from glyphnet import CLASSES, GlyphNet

OPSET = 17
IR_VERSION = 8


class GraphWriter:
    """Collects nodes and weights; each `add_*` returns the name of the tensor that it makes."""

    def __init__(self):
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add_weight(self, name: str, value) -> str:
        array = np.asarray(value.detach().numpy() if hasattr(value, "detach") else value, dtype=np.float32)
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def add_node(self, op: str, name: str, inputs: list[str], output: str | None = None, **attributes) -> str:
        output = output or f"{name}_output"
        self.nodes.append(helper.make_node(op, inputs, [output], name=name, **attributes))
        return output

    def add_layers(self, layers: nn.Sequential, prefix: str, x: str) -> str:
        place = -1
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                place += 1
                x = self.add_conv(layer, f"{prefix}.conv{place}", x)
            elif isinstance(layer, nn.BatchNorm2d):
                x = self.add_batch_norm(layer, f"{prefix}.bn{place}", x)
            elif isinstance(layer, nn.ReLU6):
                x = self.add_node("Clip", f"{prefix}.relu6_{place}", [x, "relu6_min", "relu6_max"])
            else:
                raise TypeError(f"expected Conv2d, BatchNorm2d or ReLU6, got {type(layer).__name__}")
        return x

    def add_conv(self, conv: nn.Conv2d, name: str, x: str) -> str:
        weight = self.add_weight(f"{name}.weight", conv.weight)
        pads, kernel, strides = list(conv.padding) * 2, list(conv.kernel_size), list(conv.stride)
        return self.add_node(
            "Conv", name, [x, weight], kernel_shape=kernel, strides=strides, pads=pads, group=conv.groups
        )

    def add_batch_norm(self, norm: nn.BatchNorm2d, name: str, x: str) -> str:
        parts = {"scale": norm.weight, "shift": norm.bias, "mean": norm.running_mean, "variance": norm.running_var}
        names = [self.add_weight(f"{name}.{part}", value) for part, value in parts.items()]
        return self.add_node("BatchNormalization", name, [x, *names], epsilon=norm.eps)


def export_onnx(model: GlyphNet, path: str) -> None:
    """Input `input` float32 [N, 1, 32, 32], output `logits` float32 [N, 24]; opset 17, IR version 8."""
    graph = GraphWriter()
    graph.add_weight("relu6_min", 0.0)
    graph.add_weight("relu6_max", 6.0)
    x = graph.add_layers(model.stem, "stem", "input")
    for place, block in enumerate(model.blocks):
        y = graph.add_layers(block.body, f"block{place}", x)
        x = graph.add_node("Add", f"block{place}.add", [x, y]) if block.is_residual else y
    x = graph.add_layers(model.head, "head", x)
    x = graph.add_node("GlobalAveragePool", "pool", [x])
    x = graph.add_node("Flatten", "flatten", [x], axis=1)
    weight = graph.add_weight("classify.weight", model.classify.weight)
    bias = graph.add_weight("classify.bias", model.classify.bias)
    graph.add_node("Gemm", "classify", [x, weight, bias], output="logits", transB=1)

    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 32, 32])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", CLASSES])]
    proto = helper.make_graph(graph.nodes, "glyphnet", inputs, outputs, graph.weights)
    opsets = [helper.make_opsetid("", OPSET)]
    onnx_model = helper.make_model(
        proto, opset_imports=opsets, ir_version=IR_VERSION, producer_name="qfleet-sample"
    )
    onnx.checker.check_model(onnx_model, full_check=True)
    onnx.save(onnx_model, path)
