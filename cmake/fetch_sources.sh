#!/bin/sh
# fetch_sources.sh DIR -- the archives that KerfSources.cmake builds, from Debian 12's source
# packages.  What is there is not fetched again; nothing of the system's package lists changes,
# and no right beyond writing DIR is needed.
set -eu
dir=$1
packages="jansson=2.14-2 libyaml=0.2.5-1 xxhash=0.8.1-1 protobuf-c=1.4.1-1"
complete=1
for archive in jansson_2.14 libyaml_0.2.5 xxhash_0.8.1 protobuf-c_1.4.1; do
    [ -e "$dir/$archive.orig.tar.gz" ] || complete=0
done
[ $complete = 0 ] || exit 0

command -v apt-get >/dev/null || {
    echo "fetch_sources.sh: no apt-get here; cmake/KerfSources.cmake names what $dir must hold" >&2
    exit 1
}
# Where this machine has its packages from, there it finds their sources too.
# shellcheck disable=SC2016  # apt-get's own words
from=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
    grep -v security | head -n 1)
mkdir -p "$dir/apt/lists/partial" "$dir/apt/archives/partial"
cd "$dir"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb-src [signed-by=$keys] $from bookworm main" >apt/sources.list
apt() {
    apt-get -q -o "Dir::Etc::SourceList=$PWD/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o "Dir::State::Lists=$PWD/apt/lists" -o "Dir::Cache=$PWD/apt" \
        -o APT::Sandbox::User="$(id -un)" "$@" >&2
}
apt update
# shellcheck disable=SC2086  # a list of words
apt source --download-only $packages
rm -rf apt
