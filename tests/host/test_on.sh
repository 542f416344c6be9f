#!/bin/sh
# test_on.sh -- `--on CMD`: files and words arrive as they are, once; results and exit codes come
# home; whoever goes away, here or there, is told of in a line.  What runs at the other end is a
# script that says what it was given, so no device is needed.
. "$(dirname "$0")/lib.sh"
unset KERF_ON_BINARY KERF_CACHE_DIR KERF_PROBE
export TMPDIR="$work/far end"
mkdir "$TMPDIR"
far=$TMPDIR/kerf-on-$(id -u)

cat >spy <<'END'
#!/bin/sh
[ "$1" != tune ] || { trap 'echo ended >"$OUT"; exit 130' TERM; : >"$OUT.began"; while :; do sleep 0.05; done; }
printf '%s\n' "$@"
for word in "$@"; do
    [ ! -f "$word" ] || { printf 'file: '; cat "$word"; }
done
[ -d data ] && (cd data && find . -type l | sort)
echo "cache: $KERF_CACHE_DIR"
echo "to people" >&2
case $* in *--min-top1*) exit 3 ;; esac
END
chmod +x spy
printf 'one\n' >"a model's \$(name).onnx"
printf 'two\n' >b.onnx
mkdir -p other images/cat images/dog
printf 'three\n' >other/b.onnx
printf 'x' >images/cat/1.png
printf 'y' >images/dog/2.png

# ---- words and files --------------------------------------------------------------------------------

expect 0 "file: one" "$KERF" bench --on "sh -c" --on-binary ./spy "a model's \$(name).onnx" b.onnx other/b.onnx -q --batch 3 --runs=7
[ "$(head -9 out.txt)" = "bench
--batch
3
--runs
7
--quiet
--
1/a model's \$(name).onnx
2/b.onnx" ] || failed "words are not as they were: $(cat out.txt)"
grep -q '^3/b.onnx$' out.txt && grep -q '^file: three$' out.txt || failed "two files of one name are not two"
grep -q "^cache: $far/cache$" out.txt || failed "the cache is not in the other end's folder"
grep -q "to people" err.txt || failed "standard error does not come home"
[ -z "$(ls -d "$far"/run-* 2>/dev/null)" ] || failed "the run's folder is still there"
[ "$(stat -c %a "$far")" = 700 ] || failed "others may write to the folder"

expect 0 "" "$KERF" bench b.onnx --on 'sh -c' --on-binary ./spy
[ "$(cat err.txt)" = "to people" ] || failed "what is there was taken again: $(cat err.txt)"
expect 3 "--min-top1" "$KERF" eval b.onnx --data images:images --min-top1 90.5 --on 'sh -c' --on-binary ./spy --json
grep -q '^images:data$' out.txt && grep -q '^./cat/1.png$' out.txt && grep -q '^./dog/2.png$' out.txt ||
    failed "a folder of data did not arrive: $(cat out.txt)"
expect 0 "random:1,2,3,4" "$KERF" eval b.onnx --data random:1,2,3,4 --on 'sh -c' --on-binary ./spy
expect 0 "npy:1/b.onnx,2/b.onnx" "$KERF" eval b.onnx --data npy:b.onnx,other/b.onnx --on 'sh -c' --on-binary ./spy
expect 0 "" env KERF_ON_BINARY=./spy "$KERF" bench b.onnx --on 'sh -c' -o home.json
grep -qxF -e "--output" home.json && [ ! -s out.txt ] || failed "-o FILE does not get what comes home"
expect_error 1 "kerf: bench: --output home.json: is already there; -f replaces it" \
    "$KERF" bench b.onnx --on 'sh -c' --on-binary ./spy -o home.json

# ---- what arrives in part ------------------------------------------------------------------------------
printf 'long enough to be cut\n' >cut.onnx
cat >cutting <<'END'
#!/bin/sh
case $1 in *'cat >'*) head -c 9 | sh -c "$1" ;; *) exec sh -c "$1" ;; esac
END
chmod +x cutting
expect_error 1 "kerf: bench: cut.onnx: did not arrive whole at the other end; is there room?" \
    "$KERF" bench cut.onnx -q --on ./cutting --on-binary ./spy
expect 0 "file: long enough to be cut" "$KERF" bench cut.onnx --on 'sh -c' --on-binary ./spy

# ---- who is not there, or goes --------------------------------------------------------------------------
expect_error 1 "kerf: bench: --on 'false': the other end has gone, or never was there: it ended with 1 before its script did" \
    "$KERF" bench b.onnx --on false --on-binary ./spy
expect 1 "it ended with 127 before its script did" "$KERF" bench b.onnx --on 'no-such-shell-here' --on-binary ./spy
cat >vanishing <<'END'
#!/bin/sh
case $1 in *./kerf*) exit 255 ;; *) exec sh -c "$1" ;; esac
END
chmod +x vanishing
expect_error 1 "kerf: bench: --on './vanishing': the other end has gone, or never was there: it ended with 255 before its script did" \
    "$KERF" bench b.onnx --on ./vanishing --on-binary ./spy
: >none
TMPDIR=$work/none expect 1 "cannot be written at the other end" "$KERF" bench b.onnx --on 'sh -c' --on-binary ./spy
expect_error 1 "kerf: bench: nothing.bin: cannot be read: No such file or directory" \
    "$KERF" bench b.onnx --on 'sh -c' --on-binary nothing.bin
expect_error 2 "kerf: bench: -: --on takes a file to the other end, must be its name" \
    "$KERF" bench - --on 'sh -c' --on-binary ./spy
expect_error 2 "kerf: bench: --compare: only reads files, must be without --on" \
    "$KERF" bench --compare b.onnx --on 'sh -c' --on-binary ./spy
expect_error 2 "kerf: info: --on: not an option of this command; see kerf info --help" "$KERF" info b.onnx --on 'sh -c'

# ---- Ctrl-C, and an end of this end ---------------------------------------------------------------------
# wait_for_file FILE: up to ten seconds.
wait_for_file() {
    tries=0
    while [ ! -e "$1" ] && [ $tries -lt 200 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    [ -e "$1" ]
}
for signal in TERM KILL; do
    export OUT="$work/$signal.txt"
    "$KERF" tune --on 'sh -c' --on-binary ./spy >out.txt 2>err.txt &
    here=$!
    wait_for_file "$OUT.began" || failed "tune did not begin"
    kill -$signal $here
    wait $here
    code=$?
    wait_for_file "$OUT" || failed "the other end goes on after $signal"
    [ $signal = KILL ] || [ $code = 130 ] || failed "exit $code, not 130, after $signal"
done

# ---- a real shell at another machine ---------------------------------------------------------------------
# One more network of this machine, with a server of ssh in it.
sshd=$(command -v sshd || echo /usr/sbin/sshd)
if [ "$(id -u)" != 0 ] || [ ! -x "$sshd" ] || ! command -v ip >/dev/null || ! command -v ssh >/dev/null ||
    ! ip netns add kerf-on-$$ 2>/dev/null; then
    echo "skipped: --on ssh wants root, ip netns and openssh-server"
    finish
    exit
fi
net=kerf-on-$$
trap 'ip netns pids $net 2>/dev/null | xargs -r kill; ip netns del $net; rm -rf "$work"' EXIT
ip link add kerf-$$ type veth peer name kerf-far netns $net
ip addr add 10.91.7.1/30 dev kerf-$$ && ip link set kerf-$$ up
ip -n $net addr add 10.91.7.2/30 dev kerf-far && ip -n $net link set kerf-far up
mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f host_key && ssh-keygen -q -t ed25519 -N '' -f key
cp key.pub allowed
ip netns exec $net "$sshd" -f /dev/null -h "$work/host_key" -o "AuthorizedKeysFile=$work/allowed" \
    -o StrictModes=no -o PidFile=none -o UsePAM=no -o PermitRootLogin=yes
cat >far <<END
#!/bin/sh
exec ssh -q -i '$work/key' -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@10.91.7.2 "\$1"
END
chmod +x far
export TMPDIR=/tmp # of that end
expect 0 "file: one" "$KERF" bench "a model's \$(name).onnx" --on ./far --on-binary ./spy
expect 3 "--min-top1" "$KERF" eval b.onnx --data random:1,2,3,4 --min-top1 90.5 --on ./far --on-binary ./spy
ip -n $net link set kerf-far down
expect 1 "the other end has gone" timeout 20 "$KERF" bench b.onnx --on "ssh -q -o ConnectTimeout=1 root@10.91.7.2" --on-binary ./spy
finish
