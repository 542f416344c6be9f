#!/bin/sh
# seeds_npy.sh DIR -- small .npy files and an .npz with one stored entry to start from.
set -eu
dict="{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }"
{ printf '\223NUMPY\001\000\074\000%s\n' "$dict"; printf '\000\000\200\077\000\000\000\100'; } >"$1/f4.npy"
dict="{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }"
{ printf '\223NUMPY\002\000\073\000\000\000%s\n ' "$dict"; printf '\000\000\000\000\000\000\360\077'; } >"$1/f8.npy"
# An archive of one empty entry "a.npy": local head, directory, end.
{ printf 'PK\003\004\024\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\005\000\000\000a.npy'
  printf 'PK\001\002\024\000\024\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000'
  printf '\005\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000a.npy'
  printf 'PK\005\006\000\000\000\000\001\000\001\000\063\000\000\000\043\000\000\000\000\000'; } >"$1/a.npz"
