/* The CPU's kernel table for this instruction set: a kernel that is declared but not written is a link error. */
#include "kernels/kernels.h"

#define ENTRY(name, parameters, cuda) .name = YL_CPU(name),
#define ONE(name, parameters, cuda) +1

const yl_kernels YL_CPU(table) = {YL_KERNELS(ENTRY).count = 0 YL_KERNELS(ONE)};
