/* json.h -- the one object that --json prints.  Other half: json.c. */
#ifndef HOST_JSON_H
#define HOST_JSON_H

#include <jansson.h>

#include "kerf/tensor.h"
#include "say.h"

/* {"schema":1,"kerf":VERSION}; NULL when memory is short, as with all of jansson. */
json_t *json_begin(void);
/* Prints the object, lets it go, and gives the exit code. */
int json_finish(const options *o, json_t *object);

/* A number, or null for what is unknown (NAN) or endless. */
json_t *json_number(double x);
/* [64, "N"]: symbols are null. */
json_t *json_shape(kerf_shape shape);
/* A text from a file: what is no UTF-8 becomes '?', since JSON knows nothing else. */
json_t *json_text(const char *text);

#endif
