# A method of an operation needs its two files as well.
cmake_minimum_required(VERSION 3.25)
include(${ROOT}/cmake/KerfOps.cmake)
kerf_require_op_files(${ROOT} elementwise sideways)
