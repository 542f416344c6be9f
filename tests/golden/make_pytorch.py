"""Writes tests/golden/pytorch/*.onnx: small networks as PyTorch exports them for inference (batch
norm folded, the batch fixed) and with their training form kept, by the lines of docs/pytorch.md.

    build/venv-peers/bin/python tests/golden/make_pytorch.py

resnet and mobilenet are ResNet-18/50 and MobileNet-v2 in all but width and number of blocks.
The files are committed: PyTorch is not needed by any test.  Its version decides the bytes."""

import os

import torch
from torch import nn

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pytorch")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(4)
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.bn(self.conv(x))), 2)
        return self.fc(x.view(x.size(0), -1))


def normed(inputs, outputs, kernel, stride=1, groups=1):
    return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs)]


class Residual(nn.Module):
    """He et al. 2016: two 3x3 convolutions, or 1x1, 3x3, 1x1."""
    def __init__(self, inputs, width, outputs, stride, bottleneck):
        super().__init__()
        if bottleneck:
            layers = [*normed(inputs, width, 1), nn.ReLU(), *normed(width, width, 3, stride),
                      nn.ReLU(), *normed(width, outputs, 1)]
        else:
            layers = [*normed(inputs, width, 3, stride), nn.ReLU(), *normed(width, outputs, 3)]
        self.body, self.relu = nn.Sequential(*layers), nn.ReLU()
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Sequential(*normed(inputs, outputs, 1, stride))

    def forward(self, x):
        return self.relu(self.body(x) + self.shortcut(x))


class Inverted(nn.Module):
    """Sandler et al. 2018: wider, depth-wise, narrower."""
    def __init__(self, inputs, outputs, stride, factor):
        super().__init__()
        width = inputs * factor
        wider = [*normed(inputs, width, 1), nn.ReLU6()] if factor > 1 else []
        self.body = nn.Sequential(*wider, *normed(width, width, 3, stride, groups=width),
                                  nn.ReLU6(), *normed(width, outputs, 1))
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.body(x) if self.is_residual else self.body(x)


def head(width, classes, *before):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), *before, nn.Linear(width, classes)]


def resnet():
    return nn.Sequential(
        *normed(3, 4, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1), Residual(4, 4, 4, 1, False),
        Residual(4, 6, 6, 2, False), Residual(6, 3, 12, 2, True), Residual(12, 3, 12, 1, True),
        *head(12, 5), nn.Softmax(1))


def mobilenet():
    return nn.Sequential(
        *normed(3, 4, 3, 2), nn.ReLU6(), Inverted(4, 4, 1, 1), Inverted(4, 6, 2, 6),
        Inverted(6, 6, 1, 6), *normed(6, 20, 1), nn.ReLU6(), *head(20, 5, nn.Dropout(0.2)))


OPEN = {"dynamic_axes": {"x": {0: "N"}, "y": {0: "N"}}}
TRAINING = {"training": torch.onnx.TrainingMode.TRAINING, "do_constant_folding": False}


def export(model, x, name, **options):
    torch.onnx.export(model, (x,), os.path.join(FOLDER, f"{name}.onnx"), opset_version=17,
                      dynamo=False, input_names=["x"], output_names=["y"], **options)


def used(model, x):
    """With running statistics that are not those it began with."""
    model.train()
    with torch.no_grad():
        for _ in range(4):
            model(torch.randn(32, *x.shape[1:]))
    return model


def main():
    torch.manual_seed(0)
    for name, model, side in (("", Net(), 8), ("resnet_", resnet(), 32),
                              ("mobilenet_", mobilenet(), 16)):
        x = torch.randn(1, 3, side, side)
        used(model, x)
        export(model, x, name + "training", **TRAINING, **OPEN)
        model.eval()
        export(model, x, name + "inference")
        if name == "":
            export(model, x, "open_batch", **OPEN)


if __name__ == "__main__":
    main()
