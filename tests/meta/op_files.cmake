# kerf_require_op_files() accepts a whole operation and stops at one half made.
cmake_minimum_required(VERSION 3.25)
include(${ROOT}/cmake/KerfOps.cmake)
kerf_require_op_files(${ROOT} elementwise)
kerf_require_op_files(${ROOT}/tests/meta/broken half_made)
