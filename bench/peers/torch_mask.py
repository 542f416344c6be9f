"""Choosing a global magnitude mask over 23.5 million weights in PyTorch on the CPU: milliseconds.

    build/venv-peers/bin/python bench/peers/torch_mask.py [--weights N]

The same work as bench_top_k_mask: the magnitudes of the 53 weights of a ResNet-50-like list together,
the k-th smallest, and a mask for each. Prints one JSON object.
"""
import argparse
import json
import statistics
import time

import torch


def choose(weights, share):
    magnitudes = torch.cat([weight.abs().flatten() for weight in weights])
    threshold = magnitudes.kthvalue(int(share * magnitudes.numel())).values
    return [weight.abs() > threshold for weight in weights]


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--weights", type=int, default=23454912)
    arguments.add_argument("--layers", type=int, default=53)
    given = arguments.parse_args()
    torch.manual_seed(0)
    weights = [torch.randn(given.weights // given.layers) for _ in range(given.layers)]
    samples = []
    for _ in range(5):
        start = time.perf_counter()
        choose(weights, 0.9)
        samples.append((time.perf_counter() - start) * 1e3)
    print(json.dumps({"weights": given.weights, "ms_min": min(samples), "ms_median": statistics.median(samples)}))


if __name__ == "__main__":
    main()
