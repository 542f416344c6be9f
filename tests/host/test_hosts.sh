#!/bin/sh
# test_hosts.sh -- ranks on hosts of their own (hosts.sh) with links of 100 Mbit/s: the bits of ranks on one
# machine, and what the network itself counts of gradients as they are, of few of them, and as bytes.
. "$(dirname "$0")/hosts.sh"
hosts_enter "$0" "$@"
. "$(dirname "$0")/lib.sh"
hosts_begin 2
hosts_link 100mbit

# exchange NAME: what the last command tells of gradients (--json).
exchange() {
    sed -n 's/.*"exchange":{[^}]*"'"$1"'":\([0-9]*\).*/\1/p' out.txt
}

# on_hosts WORDS...: the command with a rank a host; $sent is what went through the first one's link.
on_hosts() {
    before=$(hosts_sent 1)
    expect 0 "" hosts_run "$KERF" "$@" --json
    sent=$(($(hosts_sent 1) - before))
}

# sends PERCENT: of what is told as gradients the link has heard, and they are no more than that share of
# all of them as floats.  Frames have headers (66 bytes in 1514, twice with receipts); the rest is
# what ranks agree on, and the weights of events.
sends() {
    told=$(exchange bytes)
    dense=$(exchange dense_bytes)
    beside=$((told / 10 + 65536))
    echo "$sent bytes through the link, $told told, $dense as floats"
    [ "$told" -gt 0 ] && [ "$sent" -ge "$told" ] && [ "$sent" -le $((told + beside)) ] ||
        failed "the link counts $sent bytes, $told are told"
    [ "$sent" -le $((dense / 100 * $1 + beside)) ] || failed "$sent bytes are more than $1 % of $dense"
}

expect 0 "" "$KERF" new lenet-300-100 --input 1,28,28 --classes 10 -o m.onnx
data="--data random:1,28,28,10 --val 64 --batch 512 -q"

# shellcheck disable=SC2086 -- options are words
{
    expect 0 "" "$MPIRUN" -n 2 "$KERF" train m.onnx $data --epochs 0.5 -o near.onnx
    on_hosts train m.onnx $data --epochs 0.5 -o far.onnx
    sends 100
    cmp -s near.onnx far.onnx || failed "ranks on hosts of their own have other bits than on one"
    on_hosts train m.onnx $data --epochs 0.5 -o bytes.onnx --gradients int8
    sends 26
    on_hosts prune m.onnx $data --sparsity 0.95 --retrain 0.5 -o few.onnx
    sends 7
    on_hosts prune m.onnx $data --sparsity 0.95 --retrain 0.5 -o both.onnx --gradients int8
    sends 2
    expect 0 "" "$MPIRUN" -n 2 "$KERF" prune m.onnx $data --sparsity 0.95 --retrain 0.5 -o near_both.onnx --gradients int8
    cmp -s near_both.onnx both.onnx || failed "few gradients as bytes have other bits on hosts of their own"
}

finish
