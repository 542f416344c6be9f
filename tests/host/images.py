"""Fashion-MNIST's test images and labels, as judges of files read them."""
import gzip
import os
import sys

import numpy

FOLDERS = (os.environ.get("KERF_DATA_DIR", ""), "/usr/share/datasets/fashion-mnist", "/usr/share/dataset-fashion-mnist")


def read_idx(name, header):
    for folder in FOLDERS:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            with gzip.open(path) as f:
                return numpy.frombuffer(f.read(), numpy.uint8, offset=header)
    sys.exit(f"no {name}")


def labels():
    return read_idx("t10k-labels-idx1-ubyte.gz", 8)


def prepared(metadata):
    """As the file's metadata says: "scale=1/255,mean=M,std=S"."""
    prep = dict(part.split("=") for part in metadata["kerf.prep"].split(",") if "=" in part)
    pixels = read_idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28).astype(numpy.float32)
    return (pixels / 255 - numpy.float32(prep["mean"])) / numpy.float32(prep["std"])


def inputs_of(session):
    """What to run a file of ONNX Runtime's session on: images, where it says how they are prepared, as ranges are of
    those and noise lies beyond."""
    metadata = session.get_modelmeta().custom_metadata_map
    if "kerf.prep" in metadata:
        return prepared(metadata)[:256]
    shape = [4 if isinstance(d, str) else d for d in session.get_inputs()[0].shape]
    return numpy.random.default_rng(1).standard_normal(shape, numpy.float32)
