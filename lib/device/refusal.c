/* device/refusal.c -- what becomes of kernels that a driver refuses (refusal.h).
 *
 * A refusal stands in the program's entry of the device's list, so the next who wants it is told
 * without asking the driver; guard.c keeps it on disk, under the program's key. */
#include "device/refusal.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "device/device_internal.h"

void kerf__refuse_last(kerf_device *dev)
{
    kerf__program *program = dev->refused;
    if (program != NULL && program->refusal == NULL)
        program->refusal = kerf__strdup(kerf_last_error()); /* NULL: it is only asked again */
    dev->refused = NULL;
}

void kerf__refusals_settle(kerf_device *dev, int keep)
{
    for (kerf__program **at = &dev->programs; *at != NULL;) {
        kerf__program *program = *at;
        const int is_open = program->refusal != NULL && !program->is_kept;
        if (is_open && keep) {
            kerf__guard_refuse(program->key, program->refusal);
            program->is_kept = 1;
        } else if (is_open && program->program == NULL) {
            *at = program->next;
            kerf__program_destroy(dev->cl, program);
            continue;
        } else if (is_open) {
            free(program->refusal);
            program->refusal = NULL;
        }
        at = &program->next;
    }
    dev->refused = NULL;
}

/* ---- notes ----------------------------------------------------------------------------- */

void kerf__device_note(kerf_device *dev, const char *line)
{
    const size_t before = dev->notes != NULL ? strlen(dev->notes) : 0, length = strlen(line);
    if (before > 0 && strstr(dev->notes, line) != NULL)
        return;
    char *notes = kerf__realloc(dev->notes, before + length + 2, 1);
    if (notes == NULL)
        return; /* what is noted still holds */
    dev->notes = notes;
    memcpy(notes + before, line, length);
    memcpy(notes + before + length, "\n", 2);
}

const char *kerf_device_notes(const kerf_device *dev)
{
    return dev->notes != NULL ? dev->notes : "";
}
