#!/bin/sh
# seeds_recipe.sh DIR -- the recipes that come along, and one that says much.
set -eu
cp "$(dirname "$0")"/../../recipes/*.yaml "$1"
cat >"$1/much.yaml" <<'RECIPE'
model: "a b"
data: &d random:1,8,8,4
classes: *d
train: {optimizer: adam, freeze: [a, 'b*']}
steps:
  - prune: {sparsity: 'fc1=0.5,*=0.25', structure: block=4x1, rewind: 1, end: 3}
  - exchange: {gradients: int8, end: 50%}
  - exchange: {local_steps: 4, start: 50%}
output: {dir: runs/x, formats: [onnx, report]}
RECIPE
