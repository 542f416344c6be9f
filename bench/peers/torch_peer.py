"""The cases of `kerf bench` in PyTorch on the CPU; see peer.py.

Results go into tensors that are there already, where PyTorch lets them; updates are its fused ones.
"""
import torch
import torch.nn.functional as functional
from peer import Case, serve


def gemm(case, tensors):
    a, b = (tensors[0].T if case.trans_a else tensors[0]), (tensors[1].T if case.trans_b else tensors[1])
    out = torch.empty(a.shape[0], b.shape[1])
    return lambda: torch.mm(a, b, out=out)


def conv(case, tensors):
    src, weights = tensors
    stride, pad, group = case.window("stride", 1), case.window("pad", 0), case.window("group", 1)
    if case.node == "Conv":
        return lambda: functional.conv2d(src, weights, None, stride, pad, 1, group)
    diff = torch.rand_like(functional.conv2d(src, weights, None, stride, pad, 1, group))
    wanted = [case.node == "kerf.ConvGradInput", case.node == "kerf.ConvGradWeights", False]
    return lambda: torch.ops.aten.convolution_backward(diff, src, weights, None, [stride] * 2, [pad] * 2, [1, 1],
                                                       False, [0, 0], group, wanted)


def elementwise(case, tensors):
    out = torch.empty_like(tensors[0])
    nodes = {
        "Relu": lambda: torch.clamp_min(tensors[0], 0, out=out),
        "Exp": lambda: torch.exp(tensors[0], out=out),
        "Tanh": lambda: torch.tanh(tensors[0], out=out),
        "Add": lambda: torch.add(*tensors, out=out),
        "Mul": lambda: torch.mul(*tensors, out=out),
        "kerf.ReluGrad": lambda: torch.ops.aten.threshold_backward(tensors[1], tensors[0], 0),
    }
    return nodes[case.node]


def reduce(case, tensors):
    axes = case.axes or list(range(tensors[0].dim()))
    nodes = {
        "ReduceSum": lambda: torch.sum(tensors[0], axes, keepdim=True),
        "ReduceMean": lambda: torch.mean(tensors[0], axes, keepdim=True),
        "ReduceMax": lambda: torch.amax(tensors[0], axes, keepdim=True),
        "ReduceL2": lambda: torch.linalg.vector_norm(tensors[0], 2, axes, keepdim=True),
    }
    return nodes[case.node]


def softmax(case, tensors):
    function = torch.softmax if case.node == "Softmax" else torch.log_softmax
    return lambda: function(tensors[0], -1)


def loss(case, tensors):
    samples, classes = tensors[0].shape
    labels = torch.arange(samples) * 7 % classes
    if case.node == "SoftmaxCrossEntropyLoss":
        return lambda: functional.cross_entropy(tensors[0], labels)
    one_hot = functional.one_hot(labels, classes).float()
    return lambda: functional.mse_loss(tensors[0], one_hot)


def optimizer(case, tensors):
    weight = torch.nn.Parameter(tensors[0])
    weight.grad = torch.rand_like(tensors[0])
    if case.node == "kerf.SgdUpdate":
        made = torch.optim.SGD([weight], lr=0.01, momentum=0.9, nesterov=True, fused=True)
    else:
        made = torch.optim.Adam([weight], lr=0.01, fused=True)
    return made.step


def mask(case, tensors):
    weight = tensors[0]
    kept = torch.rand_like(weight) > 0.5
    if case.node == "kerf.Mask":
        numbers, out = kept.float(), torch.empty_like(weight)
        return lambda: torch.mul(weight, numbers, out=out)

    def choose():
        scores = torch.where(kept, weight.abs(), -1.0).flatten()
        return scores > scores.kthvalue(int(0.9 * scores.numel())).values

    return choose


def make(case: Case):
    family = {"gemm": gemm, "conv": conv, "elementwise": elementwise, "reduce": reduce, "softmax": softmax,
              "loss": loss, "optimizer": optimizer, "mask": mask}.get(case.family)
    with torch.no_grad():
        return family and family(case, [torch.from_numpy(array) for array in case.arrays()])


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    serve(make)
