"""The soft-target loss and its backward pass in PyTorch on the CPU: milliseconds, best and median.

    build/venv-peers/bin/python bench/peers/torch_distill.py [ROWS CLASSES] [--seconds S]

The same work as `bench_distillation_loss`: alpha T^2 KL + (1 - alpha) cross entropy and the gradient
by the student's logits. Prints one JSON object.
"""
import argparse
import json
import statistics
import time

import torch
from torch.nn import functional


def take_step(logits, teacher, labels, alpha, temperature):
    logits.grad = None
    soft = functional.kl_div(
        functional.log_softmax(logits / temperature, 1),
        functional.softmax(teacher / temperature, 1),
        reduction="batchmean",
    )
    hard = functional.cross_entropy(logits, labels)
    loss = alpha * temperature**2 * soft + (1 - alpha) * hard
    loss.backward()


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("shape", nargs="*", type=int, default=[4096, 1000])
    arguments.add_argument("--seconds", type=float, default=5)
    arguments.add_argument("--threads", type=int, default=2)
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    rows, classes = given.shape
    logits = torch.randn(rows, classes, requires_grad=True)
    teacher = torch.randn(rows, classes)
    labels = torch.randint(0, classes, (rows,))
    samples = []
    end = time.perf_counter() + given.seconds
    while time.perf_counter() < end or len(samples) < 20:
        start = time.perf_counter()
        take_step(logits, teacher, labels, 0.7, 3.0)
        samples.append((time.perf_counter() - start) * 1e3)
    steady = sorted(samples[len(samples) // 10 :])
    print(json.dumps({"shape": given.shape, "ms_min": steady[0], "ms_median": statistics.median(steady)}))


if __name__ == "__main__":
    main()
