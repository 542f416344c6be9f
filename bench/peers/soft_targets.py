"""The loss by soft targets and its gradient: Kerf beside PyTorch on the CPU, in turns.

    chrt -f 50 build/venv-peers/bin/python bench/peers/soft_targets.py [--rounds 15] [--seconds 0.5]

A round is one run of `bench_distillation_loss`, whose case of 4096 x 1000 logits with alpha 0.7 at temperature
3 is taken, and PyTorch's loss and backward pass of the same for that long (torch_distill.py). The ratio is
the median of all rounds, with the interval that holds it 19 times in 20; so is the share of a copy. Prints
one JSON object.
"""
import argparse
import csv
import json
import os
import statistics
import subprocess
import time

import torch

from torch_distill import take_step

BENCH = os.environ.get("BENCH", "build/release/tests/bench_distillation_loss")
CASE, VARIANT = "alpha=0.7", "distillation_loss_wide"
ROWS, CLASSES = 4096, 1000
SPIN_SECONDS = 0.1  # PyTorch's threads have given up looking for work by then


def kerf_numbers():
    """Median milliseconds, and the share of a copy in percent."""
    text = subprocess.run([BENCH], check=True, capture_output=True, text=True).stdout
    for row in csv.DictReader(text.splitlines()[1:]):
        if row["case"].startswith(f"{ROWS}x{CLASSES}") and CASE in row["case"] and row["variant"] == VARIANT:
            share = next(value for name, value in row.items() if name.startswith("percent"))
            return float(row["median_ms"]), float(share)
    raise SystemExit(f"{BENCH}: must have a line of {ROWS}x{CLASSES}, {CASE}, {VARIANT}")


def torch_ms(tensors, seconds):
    samples = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples) < 10:
        start = time.perf_counter()
        take_step(*tensors, 0.7, 3.0)
        samples.append((time.perf_counter() - start) * 1e3)
    time.sleep(SPIN_SECONDS)
    return statistics.median(samples[len(samples) // 10 :])


def middle(values):
    """The median, and the order statistics that enclose it 19 times in 20."""
    values = sorted(values)
    reach = int(0.98 * len(values) ** 0.5)
    half = len(values) // 2
    return {"median": statistics.median(values), "ci95": [values[max(half - reach, 0)], values[min(half + reach, len(values) - 1)]]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.5, help="of PyTorch in a round")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    tensors = (
        torch.randn(ROWS, CLASSES, requires_grad=True),
        torch.randn(ROWS, CLASSES),
        torch.randint(0, CLASSES, (ROWS,)),
    )
    kerf, share, peer = [], [], []
    for _ in range(given.rounds):
        peer.append(torch_ms(tensors, given.seconds))
        ms, percent = kerf_numbers()
        kerf.append(ms)
        share.append(percent / 100)
    print(
        json.dumps(
            {
                "kerf_ms": statistics.median(kerf),
                "torch_ms": statistics.median(peer),
                "times": middle([b / a for a, b in zip(kerf, peer)]),
                "of_copy": middle(share),
            }
        )
    )


if __name__ == "__main__":
    main()
