#!/bin/bash
# Runs a program under valgrind's memcheck and fails where that finds an error or a block that was lost. Valgrind shows the program a
# processor without what valgrind cannot run, so that the kernels and OpenBLAS choose tables that it can.
# usage: valgrind.sh PROGRAM
set -euo pipefail
command -v valgrind >/dev/null || { echo "SKIP valgrind is not installed"; exit 77; }
OMP_NUM_THREADS=1 exec valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite "$1"
