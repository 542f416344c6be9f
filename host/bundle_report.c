/* bundle_report.c -- what a packed file knows of devices, shown by `kerf info` and `kerf pack
 * --test`. */
#include "bundle_report.h"

#include <string.h>

#include "json.h"
#include "kerf/bundle.h"

static void tell_device(kerf_bundle_device d, table *rows, json_t *list)
{
    char bytes[32];
    table_cell(rows, "%s", d.name);
    table_cell(rows, "%s", d.profile);
    table_cell(rows, "%s", d.driver);
    table_cell(rows, "%zu", d.num_choices);
    table_cell(rows, "%zu", d.num_programs);
    table_cell(rows, "%s", grouped((double)d.program_bytes, bytes, sizeof bytes));
    json_t *object = json_object();
    json_object_set_new(object, "id", json_text(d.id));
    json_object_set_new(object, "name", json_text(d.name));
    json_object_set_new(object, "profile", json_text(d.profile));
    json_object_set_new(object, "driver", json_text(d.driver));
    json_object_set_new(object, "kerf", json_text(d.version));
    json_object_set_new(object, "choices", json_integer((json_int_t)d.num_choices));
    json_object_set_new(object, "programs", json_integer((json_int_t)d.num_programs));
    json_object_set_new(object, "program_bytes", json_integer((json_int_t)d.program_bytes));
    json_array_append_new(list, object);
}

int bundle_tell(const options *o, const char *path, table **rows, json_t **list)
{
    kerf_bundle *b = NULL;
    *rows = NULL;
    *list = json_array();
    if (strcmp(path, "-") == 0) /* it was read by whoever asks */
        return 0;
    const kerf_status status = kerf_bundle_read(&b, path);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    const size_t num = kerf_bundle_num_devices(b);
    if (num > 0)
        *rows = table_create("known device|family|driver|>choices|>programs|>bytes");
    for (size_t i = 0; i < num; i++)
        tell_device(kerf_bundle_get_device(b, i), *rows, *list);
    kerf_bundle_destroy(b);
    return 0;
}
