/* Broken on purpose: an example looks inside the library. */
#include "base/fail.h"
