#!/bin/sh
# seeds_report.sh DIR -- the files of a small run, parted by bytes of 0.
set -eu
{
    printf '{"epoch":1,"loss":0.5,"val_top1":90,"lr":0.1,"sparsity":0.5,"events":[{"at":0.5,"what":"prune"}]}\n'
    printf '{"epoch":2,"loss":0.25,"val_top1":91,"lr":0.05,"sparsity":0.9}\n\000'
    printf '{"before":{"top1":90,"weights":4,"bytes":16},"after":{"top1":89,"weights":4,"nonzeros":2},"seed":1,"seconds":2,'
    printf '"command":["prune","/a/m.onnx","--seed","1"],"environment":{"device":"cpu"}}\000'
    printf '{"before":[{"name":"fc","weights":4,"nonzeros":4,"bits":32,"bytes":16,"macs":4,"ms":1}],'
    printf '"after":[{"name":"fc","weights":4,"nonzeros":2,"bits":8,"bytes":4,"macs":4,"ms":0.5}],'
    printf '"weights":[{"name":"fc","end":1,"bins":{"before":[1,2],"after":[0,2]},"norms":{"before":[1,2],"after":[1,0]},"snr_db":20}]}\000'
    printf 'kerf: 1\nseed: 1\nmodel: lenet-5\n'
} >"$1/run"
