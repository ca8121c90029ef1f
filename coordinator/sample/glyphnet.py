"""GlyphNet: MobileNetV2 (Sandler et al., 2018, arXiv:1801.04381) made narrow for 1x32x32 images of 24 classes."""

from torch import Tensor, nn

CLASSES = 24
STEM_CHANNELS = 32
HEAD_CHANNELS = 160
# As in Keras's MobileNetV2; PyTorch's default is 1e-5.
BATCH_NORM_EPSILON = 1e-3
# Expansion, output channels, blocks, stride of the first block; as in Table 2 of the paper.
STAGES = [
    (1, 8, 1, 1),
    (6, 12, 1, 1),
    (6, 16, 3, 2),
    (6, 24, 3, 1),
    (6, 32, 3, 2),
    (6, 48, 1, 1),
]


def conv_bn(inputs: int, outputs: int, *, kernel: int, stride: int = 1, groups: int = 1, act: bool = True):
    """Convolution, BatchNorm and, unless the block ends here, ReLU6."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outputs, eps=BATCH_NORM_EPSILON)] + ([nn.ReLU6()] if act else [])


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; added to its input where the shape allows."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, expansion: int):
        super().__init__()
        hidden = inputs * expansion
        expand = conv_bn(inputs, hidden, kernel=1) if expansion != 1 else []
        depthwise = conv_bn(hidden, hidden, kernel=3, stride=stride, groups=hidden)
        self.body = nn.Sequential(*expand, *depthwise, *conv_bn(hidden, outputs, kernel=1, act=False))
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.is_residual else self.body(x)


class GlyphNet(nn.Module):
    """float32 [N, 1, 32, 32] in 0...1 to logits float32 [N, 24]."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(*conv_bn(1, STEM_CHANNELS, kernel=3, stride=2))
        blocks, channels = [], STEM_CHANNELS
        for expansion, outputs, count, stride in STAGES:
            for place in range(count):
                step = stride if place == 0 else 1
                blocks.append(InvertedResidual(channels, outputs, stride=step, expansion=expansion))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(*conv_bn(channels, HEAD_CHANNELS, kernel=1))
        self.classify = nn.Linear(HEAD_CHANNELS, CLASSES)
        self.apply(initialise)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.head(self.blocks(self.stem(x))).mean(dim=(2, 3)))


def initialise(module: nn.Module) -> None:
    """The initialisation of torchvision's MobileNetV2; BatchNorm starts at scale 1, shift 0 by default."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.01)
        nn.init.zeros_(module.bias)


def count_macs(model: GlyphNet) -> int:
    """Multiply-accumulates of the convolutions and the last layer for one image."""
    total, height = 0, 32
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            height //= module.stride[0]
            total += module.weight.numel() * height * height
        if isinstance(module, nn.Linear):
            total += module.weight.numel()
    return total
