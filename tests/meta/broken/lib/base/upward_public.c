/* Broken on purpose: a room looks up through a public header. */
#include "kerf/io.h"
