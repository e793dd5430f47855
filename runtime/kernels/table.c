/* The CPU's kernel table for this instruction set: a kernel that is declared but not written is a link error. */
#include "kernels/kernels.h"

const yl_kernels YL_CPU(table) = {
#define K(name, parameters, cuda) .name = YL_CPU(name),
#include "kernels/kernels.def"
#undef K
    .count = 0
#define K(name, parameters, cuda) +1
#include "kernels/kernels.def"
#undef K
};
