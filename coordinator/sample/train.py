"""Trains GlyphNet on the sample's images and writes glyphnet.onnx and train.log beside this file.

    python -m venv venv && venv/bin/pip install torch numpy onnx onnxruntime
    venv/bin/python coordinator/sample/train.py

Training as usual for MobileNetV2: SGD with Nesterov momentum, the paper's weight decay on every parameter, a high
learning rate that falls by half a cosine, cross entropy. The last epoch is kept.
"""

import argparse
import math
import os
import platform
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from export_onnx import export_onnx
from glyph_set import (
    HELD_OUT_COUNT,
    HELD_OUT_SEED,
    TRAIN_SEED,
    VALIDATION_COUNT,
    VALIDATION_SEED,
    load_glyph_set,
    scale_images,
)
from glyphnet import GlyphNet, count_macs
from open_log import open_log

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Settings:
    seed: int = 0
    threads: int = 1
    train_images: int = 96_000
    images_per_epoch: int = 24_000
    epochs: int = 14
    batch: int = 128
    learning_rate: float = 1.0
    warm_up_epochs: float = 0.0
    momentum: float = 0.9
    weight_decay: float = 4e-5
    label_smoothing: float = 0.0
    out: str = str(HERE)


def main() -> None:
    settings = read_settings()
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    log = open_log(Path(settings.out) / "train.log")
    log(f"versions: python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__}, "
        f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
    shown = {name: value for name, value in asdict(settings).items() if name != "out"}
    log("settings: " + ", ".join(f"{name} {value}" for name, value in shown.items()))
    log(f"data seeds: train {TRAIN_SEED}, validation {VALIDATION_SEED} ({VALIDATION_COUNT} images), "
        f"held-out {HELD_OUT_SEED} ({HELD_OUT_COUNT} images, used once, after training)")
    # Channels last is the faster order on a CPU and changes no shape.
    model = GlyphNet().to(memory_format=torch.channels_last)
    log(f"network: {count_macs(model)} MACs, {sum(p.numel() for p in model.parameters())} parameters")

    train(model, settings, log)
    path = str(Path(settings.out) / "glyphnet.onnx")
    export_onnx(model.eval(), path)
    log(f"glyphnet.onnx: {os.path.getsize(path)} bytes, opset 17, IR version 8")
    images, labels = load_glyph_set(seed=HELD_OUT_SEED, count=HELD_OUT_COUNT)
    correct = count_correct_onnx(path, images, labels)
    log(f"held-out: {correct} of {HELD_OUT_COUNT} right = {100 * correct / HELD_OUT_COUNT:.2f} % "
        "(the ONNX file in onnxruntime, fp32)")


def train(model: GlyphNet, settings: Settings, log) -> None:
    images, labels = as_tensors(*load_glyph_set(seed=TRAIN_SEED, count=settings.train_images))
    check_images, check_labels = as_tensors(*load_glyph_set(seed=VALIDATION_SEED, count=VALIDATION_COUNT))
    optimiser = torch.optim.SGD(
        model.parameters(), lr=0.0, momentum=settings.momentum, weight_decay=settings.weight_decay, nesterov=True
    )
    loss_of = nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing)
    steps_per_epoch = settings.images_per_epoch // settings.batch
    order = torch.empty(0, dtype=torch.long)
    for epoch in range(settings.epochs):
        started, loss_sum = time.monotonic(), 0.0
        model.train()
        for step in range(steps_per_epoch):
            if len(order) < settings.batch:
                order = torch.randperm(len(images))
            picked, order = order[: settings.batch], order[settings.batch :]
            for group in optimiser.param_groups:
                group["lr"] = learning_rate_at(epoch + step / steps_per_epoch, settings)
            loss = loss_of(model(as_input(images[picked])), labels[picked])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss_sum += loss.item()
        share = measure_accuracy(model.eval(), check_images, check_labels)
        log(f"epoch {epoch + 1:3d}  loss {loss_sum / steps_per_epoch:.4f}  validation {100 * share:.2f} %  "
            f"{time.monotonic() - started:.0f} s")


def learning_rate_at(epoch: float, settings: Settings) -> float:
    """Linear warm-up, then half a cosine down to zero at the last step."""
    if epoch < settings.warm_up_epochs:
        return settings.learning_rate * epoch / settings.warm_up_epochs
    done = (epoch - settings.warm_up_epochs) / (settings.epochs - settings.warm_up_epochs)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


@torch.no_grad()
def measure_accuracy(model: GlyphNet, images: torch.Tensor, labels: torch.Tensor) -> float:
    batches = zip(images.split(500), labels.split(500))
    return sum((model(as_input(x)).argmax(1) == y).sum().item() for x, y in batches) / len(labels)


def count_correct_onnx(path: str, images: np.ndarray, labels: np.ndarray) -> int:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    parts = [session.run(["logits"], {"input": scale_images(part)})[0] for part in np.split(images, 20)]
    return int((np.concatenate(parts).argmax(1) == labels).sum())


def as_input(images: torch.Tensor) -> torch.Tensor:
    """uint8 to what input-contract.json states."""
    return (images.float() / 255).contiguous(memory_format=torch.channels_last)


def as_tensors(images: np.ndarray, labels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(images), torch.from_numpy(labels).long()


def read_settings() -> Settings:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in fields(Settings):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=field.type, default=field.default)
    return Settings(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
