/* json.c -- the one object that --json prints; see json.h and cli.md for the keys. */
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kerf/base.h"
#include "text.h"

json_t *json_begin(void)
{
    return json_pack("{s:i,s:s}", "schema", 1, "kerf", kerf_version());
}

int json_finish(const options *o, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    if (text == NULL)
        return fail_memory(o);
    puts(text);
    free(text);
    return EXIT_DONE;
}

json_t *json_number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

json_t *json_shape(kerf_shape shape)
{
    json_t *list = json_array();
    for (int i = 0; i < shape.rank; i++)
        json_array_append_new(list, shape.dims[i] < 0 ? json_null() : json_integer(shape.dims[i]));
    return list;
}

json_t *json_text(const char *text)
{
    json_t *string = json_string(text);
    if (string != NULL)
        return string;
    char *copy = copy_text(text, strlen(text), 0);
    if (copy == NULL)
        return NULL;
    for (char *p = copy; *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    string = json_string(copy);
    free(copy);
    return string;
}
