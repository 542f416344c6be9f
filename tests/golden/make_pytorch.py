"""Writes tests/golden/pytorch/*.onnx: one small network as PyTorch exports it for inference (batch
norm folded, the batch fixed) and with its training form kept, by the lines of docs/pytorch.md.

    build/venv-peers/bin/python tests/golden/make_pytorch.py

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


def main():
    torch.manual_seed(0)
    model, x = Net(), torch.randn(1, 3, 8, 8)
    model.train()
    with torch.no_grad():
        model(torch.randn(8, 3, 8, 8))
    model.eval()
    torch.onnx.export(model, (x,), os.path.join(FOLDER, "inference.onnx"), opset_version=17,
                      dynamo=False, input_names=["x"], output_names=["y"])
    torch.onnx.export(model, (x,), os.path.join(FOLDER, "open_batch.onnx"), opset_version=17,
                      dynamo=False, input_names=["x"], output_names=["y"],
                      dynamic_axes={"x": {0: "N"}, "y": {0: "N"}})
    model.train()
    torch.onnx.export(model, (x,), os.path.join(FOLDER, "training.onnx"), opset_version=17,
                      dynamo=False, input_names=["x"], output_names=["y"],
                      training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False,
                      dynamic_axes={"x": {0: "N"}, "y": {0: "N"}})


if __name__ == "__main__":
    main()
