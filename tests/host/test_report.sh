#!/bin/sh
# test_report.sh -- `kerf report`: the page of a real run and of folders that nobody should trust.
# Runs on what tests/device_run.sh chose.
. "$(dirname "$0")/lib.sh"
data=random:1,8,8,10
export KERF_DEVICE=0

# ---- a run ------------------------------------------------------------------------------------
"$KERF" new lenet-300-100 --input 1,8,8 --width 0.2 -q -o m.onnx || failed new
expect 0 "top-1" "$KERF" prune m.onnx --data $data --val 100 --batch 64 --sparsity 0.8 --events 2 \
    --retrain 1 -o cut.onnx
grep -q '"events":\[{"at":0.0,"what":"prune"}\]' cut.run/metrics.jsonl || failed "no event in metrics.jsonl"
grep -q '"events":\[{"at":1.0,"what":"prune"}\]' cut.run/metrics.jsonl || failed "no second event"
"$JSON_CHECK" before.0.name=fc1 after.0.ms weights.0.bins.before.59 weights.0.norms.after.0 \
    weights.0.snr_db=null <cut.run/layers.json || failed layers.json
"$JSON_CHECK" command.0=prune seed=1 environment.device environment.driver <cut.run/summary.json ||
    failed "summary.json says not what repeats it"
expect 0 "cut.run/report.html" "$KERF" report cut.run
grep -q '"what":"prune"' cut.run/report.html || failed "the page has no marks"
grep -qE '(src|href)="?(http|//)' cut.run/report.html && failed "the page wants a network"
expect 0 "" "$KERF" report cut.run # may be made anew where nobody named it
expect 0 "" "$KERF" report cut.run cut.run -o both.html
expect_error 1 "kerf: report: both.html: is there already; -f replaces it" "$KERF" report cut.run -o both.html
expect 0 "" "$KERF" report cut.run -f -o both.html
expect_error 2 "kerf: report: -o is missing: a page of several runs belongs to none of their folders" \
    "$KERF" report cut.run cut.run
mkdir -p "$work/secret/deep" && cp -r cut.run moved.run
sed -i "s|m.onnx|$work/secret/deep/m.onnx|" moved.run/summary.json
expect 0 "" "$KERF" report moved.run
grep -q "secret" moved.run/report.html && failed "the page shows a folder of this machine"
expect 0 "" "$KERF" quantize m.onnx --data $data --calibrate 64 --mode qat --batch 64 --epochs 0.5 -o int8.onnx
"$JSON_CHECK" weights.0.snr_db <int8.run/layers.json || failed "no rounding error in layers.json"
grep -q '"snr_db": [1-9][0-9]' int8.run/layers.json || failed "rounding error: $(grep snr_db int8.run/layers.json)"
expect 0 "" "$KERF" report int8.run
grep -q "Rounding of weights" int8.run/report.html || failed "the page has no rounding error"

# ---- several, and other forms --------------------------------------------------------------------
for seed in 1 2; do
    expect 0 "" "$KERF" prune m.onnx --data $data --batch 64 --sparsity 0.5 --retrain 0.5 --seed $seed -q -o half-$seed.onnx
done
expect 0 "" "$KERF" report half-1.run half-2.run cut.run --csv all.csv --svg all.svg --markdown all.md
[ ! -e half-1.run/report.html ] || failed "a page that nobody asked for"
expect_json "groups.0.name=half groups.0.runs=2 groups.0.change.ci95.1 groups.1.name=cut groups.1.runs=1 groups.1.ms" \
    "$KERF" report half-1.run half-2.run cut.run -o all.html --json
grep -q '^"half-2",2,layer,"fc1",nonzeros after,' all.csv || failed "all.csv: $(head -3 all.csv)"
grep -q '^"cut",1,event,"prune",epochs,1$' all.csv || failed "all.csv has no event"
grep -q '^| half | 2 | [0-9.]* ± [0-9.]* |' all.md || failed "all.md: $(grep half all.md)"
[ "$(grep -c '<polyline' all.svg)" -ge 4 ] || failed "all.svg has $(grep -c '<polyline' all.svg) lines"
expect 0 "# cut" "$KERF" report cut.run -o - --format md
expect 0 "<svg" "$KERF" report cut.run --format svg -q -o -
expect_error 1 "kerf: report: all.csv: is there already; -f replaces it" "$KERF" report cut.run --csv all.csv

# ---- stages of a recipe ---------------------------------------------------------------------------
cat >r.yaml <<'END'
kerf: 1
model: lenet-300-100
width: 0.2
data: random:1,8,8,10
stages:
  - name: dense
    train: {epochs: 1, batch: 64}
  - name: pruned
    train: {epochs: 1, batch: 64}
    steps: [prune: {start: 0, sparsity: 0.9}]
output: {dir: staged}
END
expect 0 "" "$KERF" run r.yaml -q
expect 0 "" "$KERF" report staged --csv staged.csv --markdown staged.md
grep -q '^"staged",1,epoch,"2",sparsity,0.9' staged.csv || failed "the second stage's epoch: $(grep epoch staged.csv)"
grep -q '^"staged",1,event,"pruned",epochs,1$' staged.csv || failed "no event where a stage began"
grep -q '^    model: lenet-300-100' staged.md || failed "the page has no recipe"

# ---- a grid --------------------------------------------------------------------------------------
cat >grid.yaml <<'END'
kerf: 1
model: lenet-300-100
width: 0.2
data: random:1,8,8,10
train: {epochs: 1, batch: 64}
steps: [prune: {start: 0, sparsity: 0.9}]
END
expect 0 "" "$KERF" run grid.yaml --sweep 'steps.0.prune.sparsity=[0.5,0.9]' --seeds 2 -q -o grid
mv grid moved
expect_json "groups.0.name=sparsity=0.5 groups.0.runs=2 groups.1.name=sparsity=0.9 groups.1.runs=2" \
    "$KERF" report moved --json
[ -s moved/report.html ] || failed "the page of a grid is not in its folder"
sed -i 's|"run": *"grid/point-1-seed-1"|"run": "grid/.."|' moved/sweep.json
expect_error 1 'kerf: report: moved/sweep.json: "run" must be the name of a folder' "$KERF" report moved

# ---- folders that are none ----------------------------------------------------------------------
# bad FILE TEXT MESSAGE: a copy of the run in which FILE is TEXT is refused.
bad() {
    rm -rf bad.run
    cp -r cut.run bad.run
    printf '%s\n' "$2" >"bad.run/$1"
    expect_error 1 "kerf: report: bad.run/$1: $3" "$KERF" report bad.run
}
mkdir empty.run
expect 1 "kerf: report: empty.run: is no run's folder" "$KERF" report empty.run
expect 1 "kerf: report: nowhere.run: is no run's folder" "$KERF" report nowhere.run
bad summary.json '[]' "must be a JSON object"
bad summary.json '{"before":1}' '"before" must be an object'
bad summary.json '{"before":{},"after":{"top1":"90"}}' '"top1" must be a number or null'
bad summary.json '{"before":{},"after":{},"command":"prune"}' '"command" must be an array'
bad summary.json '{"before":{},"after":{},"stages":["../cut.run"]}' '"stages" must be names of folders'
bad metrics.jsonl '{"epoch":1}
{"epoch":null}' 'line 2: "epoch" must be a number'
bad metrics.jsonl '{"epoch":1,"events":[{"at":1}]}' 'line 1: "what" must be a text'
bad layers.json '{"before":[{"weights":1}]}' '"name" must be a text'
bad layers.json '{"weights":[{"name":"a"},{"name":"a"}]}' 'two entries of "weights" are of layer a'
rm bad.run/layers.json
mkfifo bad.run/layers.json
expect_error 1 "kerf: report: bad.run/layers.json: must be a file" "$KERF" report bad.run
rm bad.run/layers.json
head -c 17000000 /dev/zero >bad.run/layers.json
expect_error 1 "kerf: report: bad.run/layers.json: has 17000000 bytes, must be below 16777216" "$KERF" report bad.run

# ---- a name that would like to be a program --------------------------------------------------------
rm -rf evil.run
cp -r cut.run evil.run
sed -i 's|"name": "fc1"|"name": "</script><script>document.title=\\"owned\\"</script><img src=x onerror=alert(1)>"|' \
    evil.run/layers.json
printf '</script><!-- <script>\n' >evil.run/recipe.yaml
expect 0 "" "$KERF" report evil.run
[ "$(grep -o '</script' evil.run/report.html | wc -l)" = "$(grep -o '</script' cut.run/report.html | wc -l)" ] ||
    failed "a layer's name became markup"
expect 0 "" "$KERF" report evil.run --svg evil.svg --markdown evil.md
grep -q '<script' evil.svg && failed "a layer's name became markup in a picture"
grep -v '^    ' evil.md | grep -q '[^\\]<script' && failed "a layer's name became markup in Markdown"

# ---- in a browser ---------------------------------------------------------------------------------
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -z "$browser" ]; then
    echo "SKIPPED: what a browser makes of the pages: there is no chromium"
    finish
fi
# browse FOLDER OPTION: what Chromium makes of the page.
browse() {
    timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --user-data-dir="$work/browser" \
        --virtual-time-budget=10000 --window-size=500,2000 "$2" "file://$work/$1/report.html" 2>browser.txt
}
mkdir all.run && cp all.html all.run/report.html
for run in cut evil int8 all; do
    browse $run.run --dump-dom >dom.txt
    grep -qE 'data-charts="[1-9]' dom.txt || failed "$run: the page draws no charts: $(tail -3 browser.txt)"
    [ $run = all ] || grep -q "<title>$run</title>" dom.txt || failed "$run: the page's title is $(grep -o '<title>[^<]*' dom.txt)"
done
browse cut.run --screenshot="$work/page.png" >/dev/null
[ "$(wc -c <page.png)" -gt 20000 ] || failed "the screenshot has $(wc -c <page.png) bytes"
finish
