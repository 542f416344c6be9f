"""tensorboard_judge.py FOLDER EPOCHS -- TensorBoard's own reader finds in a run's folder what stands
in its metrics.jsonl: every epoch once, in order, each number as a float."""

import json
import math
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

folder, num_epochs = sys.argv[1], int(sys.argv[2])
with open(folder + "/metrics.jsonl") as f:
    epochs = [json.loads(line) for line in f]
assert len(epochs) == num_epochs, f"{len(epochs)} lines, not {num_epochs}"

board = EventAccumulator(folder)
board.Reload()
assert board.file_version == 2.0, board.file_version
tags = set(board.Tags()["scalars"])
keys = ["loss", "val_top1", "val_loss", "lr", "sparsity", "images_per_s"]
known = {k for k in keys if epochs[0][k] is not None}
assert tags == known, f"tags {tags}, not {known}"
for tag in tags:
    events = board.Scalars(tag)
    steps = [e.step for e in events]
    assert steps == sorted(set(steps)), f"{tag}: steps {steps}"
    assert len(events) == num_epochs, f"{tag}: {len(events)} points, not {num_epochs}"
    for e, line in zip(events, epochs):
        want = struct.unpack("f", struct.pack("f", line[tag]))[0]
        assert math.isclose(e.value, want, rel_tol=1e-6), f"{tag}: {e.value}, not {want}"
    times = [e.wall_time for e in events]
    assert times == sorted(times) and times[0] > 1.6e9, f"{tag}: times {times}"
