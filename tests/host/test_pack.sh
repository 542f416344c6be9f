#!/bin/sh
# test_pack.sh -- `kerf pack` and `kerf unpack`: the same file comes back, every command reads what was
# packed, and the coder is held against general ones.
. "$(dirname "$0")/lib.sh"
export KERF_DEVICE=0
need_python
data=random:1,28,28,10

"$KERF" new lenet-300-100 -q -o fresh.onnx || failed new
"$KERF" prune fresh.onnx --sparsity 0.95 -q -o pruned.onnx >out.txt || failed prune
"$KERF" share pruned.onnx --bits 4 -q -o shared.onnx >out.txt || failed share
"$KERF" quantize pruned.onnx --mode weight-only -q -o bytes.onnx >out.txt || failed quantize

for model in fresh pruned shared bytes; do
    expect_json "packed bytes tensors.0.form" "$KERF" pack $model.onnx --json -o $model.kerf
    expect 0 "" "$KERF" unpack $model.kerf -q -o back.onnx -f
    cmp $model.onnx back.onnx || failed "$model does not come back"
    # What general coders make of the very tensors.
    "$PYTHON" - $model <<'END' || failed "$model.kerf is not small"
import lzma, os, sys
import onnx
name = sys.argv[1]
tensors = [w.raw_data for w in onnx.load(name + ".onnx").graph.initializer]
best = min(sum(len(lzma.compress(t, preset=9 | lzma.PRESET_EXTREME)) for t in tensors), len(lzma.compress(b"".join(tensors), preset=9 | lzma.PRESET_EXTREME)))
packed = os.path.getsize(name + ".kerf")
print(f"{name}: {sum(map(len, tensors))} bytes, xz {best}, packed {packed}")
# Weights of a fresh network lie anywhere: there is no order in them to find.
assert packed < 0.95 * best, (packed, best)
END
done

# ---- every command reads it --------------------------------------------------------------------------
expect 0 "fc1" "$KERF" info shared.kerf
"$KERF" eval pruned.onnx --data $data --json >a.txt || failed eval
"$KERF" eval pruned.kerf --data $data --json >b.txt || failed eval
"$PYTHON" -c 'import json
a, b = (json.load(open(x)) for x in ("a.txt", "b.txt"))
assert a["loss"] == b["loss"], (a, b)' || failed "a packed network says something else"
expect 0 "" "$KERF" prune fresh.kerf --sparsity 0.95 -q -o again.kerf
expect 0 "" "$KERF" unpack again.kerf -q -o back.onnx -f
cmp pruned.onnx back.onnx || failed "-o M.kerf writes another network"
"$KERF" pack - -o - <pruned.onnx >piped.kerf || failed "a pipe"
cmp piped.kerf pruned.kerf || failed "a pipe makes another file"

# ---- bad files ---------------------------------------------------------------------------------------
head -c 1000 pruned.kerf >cut.kerf
expect_error 1 "kerf: info: cut.kerf: the packed file is damaged: its checksum is not that of its bytes" "$KERF" info cut.kerf
printf 'KERF\011\0\0\0aaaaaaaaaaaaaaaa' >new.kerf
expect_error 1 "kerf: info: new.kerf: a packed file of version 9, this Kerf reads up to 2" "$KERF" info new.kerf

# ---- a file checked ------------------------------------------------------------------------------------
expect 0 "pruned.kerf: whole; 6 tensors of 1,066,440 bytes in " "$KERF" pack --test pruned.kerf
expect 0 "standard input: whole" sh -c '"$KERF" pack --test - <pruned.kerf'
expect_json "file packed bytes tensors.5.form" "$KERF" pack --test pruned.kerf --json
"$KERF" pack pruned.onnx --json -f -o same.kerf >a.txt || failed pack
"$KERF" pack --test same.kerf --json >b.txt || failed check
"$PYTHON" -c 'import json
a, b = (json.load(open(x)) for x in ("a.txt", "b.txt"))
assert all(a[k] == b[k] for k in ("tensors", "bytes", "packed")), (a, b)' || failed "what was packed is not what is there"
damaged="the packed file is damaged: its checksum is not that of its bytes"
expect_error 1 "kerf: pack: cut.kerf: $damaged" "$KERF" pack --test cut.kerf
"$PYTHON" -c 'import sys
b = bytearray(open("pruned.kerf", "rb").read()); b[len(b) // 2] ^= 16; open("flipped.kerf", "wb").write(b)'
expect_error 1 "kerf: pack: flipped.kerf: $damaged" "$KERF" pack --test flipped.kerf
expect_error 1 "kerf: pack: new.kerf: a packed file of version 9, this Kerf reads up to 2" "$KERF" pack --test new.kerf
expect_error 1 "kerf: pack: pruned.onnx: not a packed file: it must begin with KERF" "$KERF" pack --test pruned.onnx
expect_error 1 "kerf: pack: none.kerf: cannot be read: No such file or directory" "$KERF" pack --test none.kerf
expect 2 "must be without -o" "$KERF" pack --test pruned.kerf -o other.kerf

expect 2 "-o is missing" "$KERF" pack fresh.onnx
finish
