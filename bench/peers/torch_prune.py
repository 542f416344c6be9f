"""Gradual global magnitude pruning of a LeNet on Fashion-MNIST in PyTorch.

    build/venv-peers/bin/python bench/peers/torch_prune.py --seeds 5 --epochs 20
    build/venv-peers/bin/python bench/peers/torch_prune.py --net lenet-5 --seeds 1 --epochs 12

Trains dense, then once more for as many epochs for each sparsity: SGD 0.05 with Nesterov momentum
0.9 and weight decay 1e-4 on a cosine, batch 128, images normalised by mean and deviation, no part held
back; masks are chosen anew every 100 steps on a cubic curve that ends after 60 % of the steps.
The same recipe as bench/accuracy.sh. Prints one JSON object a line.
"""
import argparse
import copy
import gzip
import json
import pathlib
import statistics

import numpy
import torch
import torch.nn.functional as functional
from torch import nn

FOLDER = pathlib.Path("/usr/share/datasets/fashion-mnist")
SPARSITIES = (0.90, 0.95, 0.97, 0.98, 0.99)


def read_idx(name, skip):
    with gzip.open(FOLDER / name) as file:
        return numpy.frombuffer(file.read(), numpy.uint8, offset=skip).copy()


def load():
    train = torch.tensor(read_idx("train-images-idx3-ubyte.gz", 16).reshape(-1, 784)).float() / 255
    test = torch.tensor(read_idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 784)).float() / 255
    labels = torch.tensor(read_idx("train-labels-idx1-ubyte.gz", 8)).long()
    test_labels = torch.tensor(read_idx("t10k-labels-idx1-ubyte.gz", 8)).long()
    mean, deviation = train.mean(), train.std()
    return (train - mean) / deviation, labels, (test - mean) / deviation, test_labels


def lenet_300_100():
    return nn.Sequential(nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10))


def lenet_5():
    return nn.Sequential(nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5),
                         nn.MaxPool2d(2), nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))


NETS = {"lenet-300-100": lenet_300_100, "lenet-5": lenet_5}


def top1(model, images, labels):
    with torch.inference_mode():
        guesses = torch.cat([model(part).argmax(1) for part in images.split(1000)])
        return (guesses == labels).float().mean().item() * 100


class GlobalMask:
    """Keeps the largest magnitudes of all weight matrices together."""

    def __init__(self, model):
        self.weights = [layer.weight for layer in model if isinstance(layer, (nn.Conv2d, nn.Linear))]
        self.masks = [torch.ones_like(weight) for weight in self.weights]

    def choose(self, share):
        magnitudes = torch.cat([weight.detach().abs().flatten() for weight in self.weights])
        count = int(share * magnitudes.numel() + 0.5)
        if count > 0:
            threshold = magnitudes.kthvalue(count).values
            self.masks = [(weight.detach().abs() > threshold).float() for weight in self.weights]

    def apply(self):
        with torch.no_grad():
            for weight, mask in zip(self.weights, self.masks):
                weight.mul_(mask)


def train(model, images, labels, epochs, sparsity=None, batch=128, ramp=0.6):
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=1e-4, nesterov=True)
    steps = epochs * (len(images) // batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    mask = GlobalMask(model) if sparsity is not None else None
    step = 0
    for _ in range(epochs):
        order = torch.randperm(len(images))
        for first in range(0, len(images) - batch + 1, batch):
            chosen = order[first : first + batch]
            optimizer.zero_grad()
            functional.cross_entropy(model(images[chosen]), labels[chosen]).backward()
            optimizer.step()
            schedule.step()
            step += 1
            if mask is None:
                continue
            if step % 100 == 0 and step <= ramp * steps + 100:
                mask.choose(sparsity * (1 - (1 - min(1, step / (ramp * steps))) ** 3))
            mask.apply()


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--net", choices=NETS, default="lenet-300-100")
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--epochs", type=int, default=20)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    images, labels, test, test_labels = load()
    results = {"dense": [], **{sparsity: [] for sparsity in SPARSITIES}}
    for seed in range(1, given.seeds + 1):
        torch.manual_seed(seed)
        dense = NETS[given.net]()
        train(dense, images, labels, given.epochs)
        results["dense"].append(top1(dense, test, test_labels))
        for sparsity in SPARSITIES:
            pruned = copy.deepcopy(dense)
            train(pruned, images, labels, given.epochs, sparsity)
            results[sparsity].append(top1(pruned, test, test_labels))
        print(json.dumps({"seed": seed, "top1": {str(key): values[-1] for key, values in results.items()}}), flush=True)
    print(json.dumps({"mean": {str(key): statistics.mean(values) for key, values in results.items()}}))


if __name__ == "__main__":
    main()
