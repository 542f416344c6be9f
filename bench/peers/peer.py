"""Another library's side of `kerf bench --beside` in Python: reads what is asked, times, answers.

A library gives make(case): a function that runs the case once, or None where it has no such
operation. What is said: host/bench_beside.h. The cases: bench/shapes/. In C the same is peer.h.
"""
import sys
import time

import numpy


class Case:
    """ "gemm m=64 n=300 k=784 f32 transB", "elementwise Add 256x300 300 f32" and the like."""

    def __init__(self, text):
        self.family, *words = text.split()
        self.sizes = dict(word.split("=") for word in words if "=" in word)
        self.trans_a, self.trans_b = "transA" in words, "transB" in words
        names = [word for word in words if word[0].isalpha() and "=" not in word]
        self.node = "Gemm" if self.family == "gemm" else names[0]
        self.axes = [int(axis) for axis in self.sizes.get("axes", "").split(",") if axis]
        self.shapes = [tuple(map(int, word.split("x"))) for word in words if word[0].isdigit()]
        if self.family == "gemm":
            m, n, k = (int(self.sizes[key]) for key in "mnk")
            self.shapes = [(k, m) if self.trans_a else (m, k), (n, k) if self.trans_b else (k, n)]

    def window(self, key, otherwise):
        """A convolution's stride, pad or group."""
        return int(self.sizes.get(key, otherwise))

    def arrays(self):
        generator = numpy.random.default_rng(1)
        return [generator.random(shape, numpy.float32) * 2 - 1 for shape in self.shapes]


def sample(run, calls):
    run()
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) * 1e3 / calls


def rest():
    """Thread pools spin for a while after their work, some for 100 ms, and would take a core from the
    other side: waits until this process is idle, at most 2 seconds."""
    for _ in range(200):
        before = time.process_time()
        time.sleep(0.01)
        if time.process_time() - before < 0.001:
            break


def serve(make):
    last, run = None, None
    for line in sys.stdin:
        calls, text = line.rstrip("\n").split(" ", 1)
        if text != last:
            last, run = text, make(Case(text))
        answer = "no such operation" if run is None else f"{sample(run, int(calls)):.6f}"
        rest()
        print(answer, flush=True)
