/* wrong_kernel.c -- makes of `kerf` a command whose kernel for Relu's gradient leaves its result
 * as it was: what `kerf verify` is for.  Linked as bad_variants.h says. */
#define BAD_AT_START BAD_LIES
#include "bad_variants.h"
