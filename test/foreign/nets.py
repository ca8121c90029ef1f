"""The networks that the files of this folder are made from, with a fixed seed. Their weights are not trained."""

import torch
from torch import nn
from torch.ao.nn.quantized import FloatFunctional

SEED = 20
CLASSES = 5
IMAGE = (3, 16, 16)


class SmallNet(nn.Module):
    """Conv-BN-ReLU, a depthwise convolution, a residual addition, Linear: as a person writes it for training."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 12, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU())
        self.depthwise = nn.Sequential(
            nn.Conv2d(12, 12, 3, padding=1, groups=12, bias=False), nn.BatchNorm2d(12), nn.ReLU6()
        )
        self.pointwise = nn.Sequential(nn.Conv2d(12, 12, 1, bias=False), nn.BatchNorm2d(12))
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(12, CLASSES)

    def forward(self, x):
        x = self.stem(x)
        x = self.relu(x + self.pointwise(self.depthwise(x)))
        return self.classifier(torch.flatten(self.pool(x), 1))


class QuantizableNet(SmallNet):
    """The same, mended for eager-mode quantization: stubs at both ends, the addition as a module, fusion."""

    # `quantized::relu6` has no ONNX export, and there is no fused form of it.
    clipping = nn.ReLU

    def __init__(self):
        super().__init__()
        self.quant = torch.ao.quantization.QuantStub()
        self.dequant = torch.ao.quantization.DeQuantStub()
        self.add = FloatFunctional()
        self.depthwise[2] = self.clipping()

    def forward(self, x):
        x = self.stem(self.quant(x))
        x = self.relu(self.add.add(x, self.pointwise(self.depthwise(x))))
        return self.dequant(self.classifier(torch.flatten(self.pool(x), 1)))

    def fuse(self, is_qat=False):
        fuse = torch.ao.quantization.fuse_modules_qat if is_qat else torch.ao.quantization.fuse_modules
        last = 2 if self.clipping is nn.ReLU else 1
        groups = [["stem.0", "stem.1", "stem.2"], [f"depthwise.{i}" for i in range(last + 1)]]
        return fuse(self, [*groups, ["pointwise.0", "pointwise.1"]], inplace=True)


class WithRelu6(QuantizableNet):
    """Mended as well, but for its ReLU6, which MobileNets have."""

    clipping = nn.ReLU6


class SequenceNet(nn.Module):
    """An LSTM and a product: what dynamic quantization and 4-bit weights are for."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(16, 24, batch_first=True)
        self.head = nn.Sequential(nn.Linear(24, 64, bias=False), nn.ReLU(), nn.Linear(64, CLASSES, bias=False))

    def forward(self, x):
        return self.head(self.lstm(x)[0])


def build(kind):
    """A network in evaluation mode; its BatchNorms have seen 8 batches, so that they are not the identity."""
    torch.manual_seed(SEED)
    net = kind()
    net.train()
    with torch.no_grad():
        for batch in batches(kind, 8):
            net(batch)
    return net.eval()


def batches(kind, count):
    """Images with structure (noise under a random gain and offset), or sequences."""
    generator = torch.Generator().manual_seed(SEED)
    shape = (8, 6, 16) if kind is SequenceNet else (8, *IMAGE)
    for _ in range(count):
        gain = torch.rand(shape[0], *[1] * (len(shape) - 1), generator=generator)
        yield torch.randn(shape, generator=generator) * gain + gain
