# hosts.sh -- several hosts on one machine, for ranks: sourced by test_hosts.sh and bench/slow_links.sh.
#
#     hosts_enter "$0" "$@"      first of all: the script begins anew in a network of its own
#     hosts_begin 2              so many hosts, each with one link to the others
#     hosts_link 10mbit 1        what a host may send, and that 1 % of what comes is lost
#     hosts_run COMMAND...       MPIRUN with a rank a host
#     hosts_sent 1               bytes that the first has sent since they began
# shellcheck shell=sh disable=SC2154
#
# A host is a namespace of Linux for network and name, held by a process that ends with the script,
# however that ends, and takes link and namespace along: nothing has a name outside, so nothing is to
# be taken down, and scripts beside each other do not meet.  Files, cores and devices are everybody's.
# mpirun stands apart, in the script's network, whose bridge is the switch.  Losses are whole frames:
# links do not put any together (gso_max_segs).

hosts_net=10.77.0

# hosts_cannot WHY: there are none here; the script is skipped.
hosts_cannot() {
    echo "no hosts on this machine: $1"
    exit 77
}

# A user who is not root is one in here, where the system lets users.
hosts_enter() {
    PATH=$PATH:/usr/sbin:/sbin
    [ -n "${KERF_HOSTS_ENTERED-}" ] && return
    for tool in unshare nsenter ip tc; do
        command -v "$tool" >/dev/null || hosts_cannot "there is no $tool (Debian: util-linux, iproute2)"
    done
    as_root=
    [ "$(id -u)" = 0 ] || as_root=--map-root-user
    why=$(unshare $as_root --net --uts true 2>&1) || hosts_cannot "$why"
    export KERF_HOSTS_ENTERED=1
    exec unshare $as_root --net --uts sh "$@"
}

hosts_in() {
    pid=$(sed -n "$1p" "$hosts_dir/pids")
    shift
    nsenter --target "$pid" --net --uts "$@"
}

# The process that holds it waits for a pipe whose other end the script holds, and no child of its.
hosts_add() {
    unshare --net --uts cat <"$hosts_dir/hold" >/dev/null 9>&- &
    echo $! >>"$hosts_dir/pids"
    until [ "$(readlink "/proc/$!/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    ip link add "link$1" type veth peer name eth0 netns $! || hosts_cannot "it has no veth links"
    ip link set "link$1" gso_max_segs 1 master switch up
    hosts_in "$1" hostname "host-$1"
    hosts_in "$1" ip link set lo up
    hosts_in "$1" ip address add "$hosts_net.$1/24" dev eth0
    hosts_in "$1" ip link set eth0 gso_max_segs 1 up
}

# What mpirun takes for ssh: a host's address, and a command of several words or one.
hosts_write_agent() {
    cat >"$hosts_dir/agent" <<AGENT
#!/bin/sh
[ "\$1" != -x ] || shift
pid=\$(sed -n "\${1##*.}p" "$hosts_dir/pids")
shift
exec nsenter --target "\$pid" --net --uts sh -c "\$*"
AGENT
    chmod +x "$hosts_dir/agent"
}

hosts_begin() {
    hosts_num=$1
    hosts_dir=$(mktemp -d)
    trap 'rm -rf "$hosts_dir" ${work:+"$work"}' EXIT
    export TMPDIR="$hosts_dir" # mpirun has files there, and who is root in here need not be outside
    mkfifo "$hosts_dir/hold"
    exec 9<>"$hosts_dir/hold"
    hosts_write_agent
    ip link set lo up
    ip link add switch type bridge || hosts_cannot "it has no bridges"
    ip address add "$hosts_net.254/24" dev switch
    ip link set switch up
    hosts_list=
    for host in $(seq "$hosts_num"); do
        hosts_add "$host"
        hosts_list=$hosts_list${hosts_list:+,}$hosts_net.$host
    done
}

# hosts_link RATE [LOSS]: RATE as tc has it, LOSS percent of the frames.
hosts_link() {
    for host in $(seq "$hosts_num"); do
        hosts_in "$host" tc qdisc replace dev eth0 root tbf rate "$1" burst 16kb latency 200ms ||
            hosts_cannot "it limits no links (tbf)"
        [ -z "${2-}" ] || hosts_lose "$host" "$2"
    done
}

hosts_lose() {
    command -v nft >/dev/null || hosts_cannot "there is no nft (Debian: nftables)"
    cat >"$hosts_dir/loss" <<RULES
add table ip loss
delete table ip loss
add table ip loss
add chain ip loss in { type filter hook input priority 0; }
add rule ip loss in iifname eth0 numgen random mod 1000 < $(awk "BEGIN { print $2 * 10 }") drop
RULES
    hosts_in "$1" nft -f "$hosts_dir/loss" || hosts_cannot "it loses no frames (nftables)"
}

# UCX, by which MPICH sends, would find that all hosts have one memory.
hosts_run() {
    case $("$MPIRUN" --version) in
    *HYDRA*)
        set -- -launcher ssh -launcher-exec "$hosts_dir/agent" -localhost "$hosts_net.254" -hosts "$hosts_list" "$@"
        ;;
    *)
        set -- --mca plm_rsh_agent "$hosts_dir/agent" --mca pml ob1 --mca btl self,tcp -H "$hosts_list" "$@"
        ;;
    esac
    UCX_TLS=tcp,self UCX_NET_DEVICES=eth0 "$MPIRUN" -n "$hosts_num" "$@" 9>&-
}

hosts_sent() {
    hosts_in "$1" awk '$1 == "eth0:" { print $10 }' /proc/net/dev
}
