"""A training step of LeNet-300-100 in PyTorch on the CPU: milliseconds, best and median.

    build/venv-peers/bin/python bench/peers/torch_step.py [BATCH...] [--seconds S]

The same work as `kerf bench lenet.onnx --train --batch N`: forward, cross entropy, backward,
SGD with momentum. Prints one JSON object a batch size.
"""
import argparse
import json
import statistics
import time

import torch
from torch import nn


def network():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)
    )


def time_steps(batch, seconds):
    torch.manual_seed(0)
    model = network().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    loss = nn.CrossEntropyLoss()
    images = torch.randn(batch, 1, 28, 28)
    labels = torch.randint(0, 10, (batch,))
    samples = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples) < 20:
        start = time.perf_counter()
        optimizer.zero_grad()
        loss(model(images), labels).backward()
        optimizer.step()
        samples.append((time.perf_counter() - start) * 1e3)
    steady = sorted(samples[len(samples) // 10 :])
    return {"batch": batch, "ms_min": steady[0], "ms_median": statistics.median(steady), "runs": len(steady)}


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("batch", nargs="*", type=int, default=[64, 256])
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--threads", type=int, default=2)
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    for batch in given.batch:
        print(json.dumps(time_steps(batch, given.seconds)), flush=True)


if __name__ == "__main__":
    main()
