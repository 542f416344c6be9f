/* Broken on purpose: two compress rooms. */
#include "compress/quantize/ranges.h"
