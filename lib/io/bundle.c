/* io/bundle.c -- a bundle from the bytes of a packed file, and what of it is told to a device; see
 * kerf/bundle.h and docs/format.md.  Other half: bundle_write.c.
 *
 * Every length is checked against what is left before memory is asked for, and what programs
 * hold is for lib/device to check. */
#include "io/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "device/program_offer.h"
#include "device/tuning.h"
#include "io/io_internal.h"
#include "kerf/packed.h"

/* A device takes 8 bytes at least, a choice 4, a program 2. */
enum { MOST_TEXT = 1000, MOST_CHOICES = 1 << 20, MOST_PROGRAMS = 1 << 16 };

/* ---- life ----------------------------------------------------------------------------------- */

void kerf__bundle_device_free(kerf__bundle_device *d)
{
    for (int i = 0; i < KERF__BUNDLE_TEXTS; i++)
        free(d->texts[i]);
    for (size_t i = 0; i < d->num_choices; i++) {
        free(d->choices[i].which);
        free(d->choices[i].choice);
    }
    for (size_t i = 0; i < d->num_programs; i++)
        free(d->programs[i].at);
    free(d->choices);
    free(d->programs);
    *d = (kerf__bundle_device){0};
}

kerf_status kerf__bundle_create(kerf_bundle **out)
{
    *out = kerf__alloc(1, sizeof **out);
    return *out != NULL ? KERF_OK : kerf__fail_memory("bundle", sizeof **out);
}

void kerf_bundle_destroy(kerf_bundle *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->num; i++)
        kerf__bundle_device_free(&b->devices[i]);
    free(b->devices);
    free(b);
}

/* ---- from bytes ----------------------------------------------------------------------------- */

/* A line without line ends, in fresh memory. */
static kerf_status take_text(char **out, kerf__reading *in)
{
    uint64_t num;
    const unsigned char *at;
    KERF__TRY(kerf__reading_number(in, MOST_TEXT, &num));
    KERF__TRY(kerf__reading_take(in, (size_t)num, &at));
    for (size_t i = 0; i < num; i++)
        if (at[i] < ' ')
            return kerf__fail(KERF_ERR_FORMAT,
                              "packed file: a text about a device has byte %d in "
                              "it, must be plain",
                              at[i]);
    *out = kerf__alloc((size_t)num + 1, 1);
    if (*out == NULL)
        return kerf__fail_memory("bundle", (size_t)num);
    memcpy(*out, at, (size_t)num);
    return KERF_OK;
}

/* How many follow, each of so many bytes at least; then room for them. */
static kerf_status take_count(size_t *num, void **items, size_t item_bytes, kerf__reading *in,
                              uint64_t most, size_t least_bytes)
{
    uint64_t count;
    KERF__TRY(kerf__reading_number(in, most, &count));
    if (count > in->left / least_bytes)
        return kerf__fail(KERF_ERR_FORMAT, "packed file: a bundle's sizes cannot be true");
    *items = kerf__alloc((size_t)count, item_bytes);
    if (*items == NULL)
        return kerf__fail_memory("bundle", (size_t)count * item_bytes);
    *num = (size_t)count;
    return KERF_OK;
}

static kerf_status take_program(kerf__bundle_program *p, kerf__reading *in)
{
    uint64_t num;
    const unsigned char *at;
    KERF__TRY(kerf__reading_number(in, in->left, &num));
    KERF__TRY(kerf__reading_take(in, (size_t)num, &at));
    p->at = kerf__alloc((size_t)num, 1);
    if (p->at == NULL)
        return kerf__fail_memory("bundle", (size_t)num);
    memcpy(p->at, at, (size_t)num);
    p->num = (size_t)num;
    return KERF_OK;
}

static kerf_status take_device(kerf__bundle_device *d, kerf__reading *in)
{
    for (int i = 0; i < KERF__BUNDLE_TEXTS; i++)
        KERF__TRY(take_text(&d->texts[i], in));
    KERF__TRY(
        take_count(&d->num_choices, (void **)&d->choices, sizeof *d->choices, in, MOST_CHOICES, 2));
    for (size_t i = 0; i < d->num_choices; i++) {
        KERF__TRY(take_text(&d->choices[i].which, in));
        KERF__TRY(take_text(&d->choices[i].choice, in));
    }
    KERF__TRY(take_count(&d->num_programs, (void **)&d->programs, sizeof *d->programs, in,
                         MOST_PROGRAMS, 1));
    for (size_t i = 0; i < d->num_programs; i++)
        KERF__TRY(take_program(&d->programs[i], in));
    return KERF_OK;
}

static kerf_status take_devices(kerf_bundle *b, kerf__reading in)
{
    const unsigned char *form;
    KERF__TRY(kerf__reading_take(&in, 1, &form));
    if (*form != KERF__BUNDLE_FORM) /* a newer Kerf knows more of its own devices */
        return KERF_OK;
    KERF__TRY(take_count(&b->num, (void **)&b->devices, sizeof *b->devices, &in,
                         KERF__BUNDLE_MOST_DEVICES, KERF__BUNDLE_TEXTS + 2));
    b->capacity = b->num;
    for (size_t i = 0; i < b->num; i++)
        KERF__TRY(take_device(&b->devices[i], &in));
    return in.left == 0 ? KERF_OK
                        : kerf__fail(KERF_ERR_FORMAT,
                                     "packed file: %zu bytes are left over of its bundle", in.left);
}

kerf_status kerf__bundle_parse(kerf_bundle **out, kerf__reading in)
{
    KERF__TRY(kerf__bundle_create(out));
    const kerf_status status = in.left > 0 ? take_devices(*out, in) : KERF_OK;
    if (status != KERF_OK) {
        kerf_bundle_destroy(*out);
        *out = NULL;
    }
    return status;
}

kerf_status kerf_bundle_parse(kerf_bundle **out, const void *bytes, size_t num_bytes)
{
    kerf__reading section = {0};
    *out = NULL;
    if (kerf_packed_is(bytes, num_bytes))
        KERF__TRY(kerf__packed_bundle(&section, bytes, num_bytes));
    return kerf__bundle_parse(out, section);
}

kerf_status kerf_bundle_read(kerf_bundle **out, const char *path)
{
    void *bytes;
    size_t num_bytes;
    *out = NULL;
    KERF__TRY(kerf__file_read(path, KERF__MOST_FILE_BYTES, &bytes, &num_bytes));
    const kerf_status status = kerf_bundle_parse(out, bytes, num_bytes);
    free(bytes);
    return status == KERF_OK ? KERF_OK : kerf__fail_clean(status, path);
}

/* ---- what is in it -------------------------------------------------------------------------- */

size_t kerf_bundle_num_devices(const kerf_bundle *b)
{
    return b->num;
}

kerf_bundle_device kerf_bundle_get_device(const kerf_bundle *b, size_t i)
{
    const kerf__bundle_device *d = &b->devices[i];
    kerf_bundle_device told = {.id = d->texts[KERF__BUNDLE_ID],
                               .profile = d->texts[KERF__BUNDLE_PROFILE],
                               .name = d->texts[KERF__BUNDLE_NAME],
                               .driver = d->texts[KERF__BUNDLE_DRIVER],
                               .version = d->texts[KERF__BUNDLE_VERSION],
                               .num_choices = d->num_choices,
                               .num_programs = d->num_programs};
    for (size_t k = 0; k < d->num_programs; k++)
        told.program_bytes += d->programs[k].num;
    return told;
}

/* ---- to a device ---------------------------------------------------------------------------- */

/* How well what was measured there suits here: 2 this very device, 1 its family, 0 not. */
static int likeness(const kerf__bundle_device *d, const kerf_device_info *info)
{
    const int is_same = strcmp(d->texts[KERF__BUNDLE_ID], info->id) == 0;
    const int is_now = strcmp(d->texts[KERF__BUNDLE_VERSION], kerf_version()) == 0;
    return is_same && is_now                                                       ? 2
           : is_same || strcmp(d->texts[KERF__BUNDLE_PROFILE], info->profile) == 0 ? 1
                                                                                   : 0;
}

static kerf_status offer(kerf_device *dev, const kerf__bundle_device *d, int is_same)
{
    for (size_t i = 0; i < d->num_choices; i++)
        KERF__TRY(kerf__tuning_offer(dev, d->choices[i].which, d->choices[i].choice));
    for (size_t i = 0; is_same && i < d->num_programs; i++)
        KERF__TRY(kerf__program_offer(dev, d->programs[i].at, d->programs[i].num));
    return KERF_OK;
}

/* What is offered first counts. */
kerf_status kerf__bundle_offer(kerf_device *dev, kerf__reading in)
{
    kerf_bundle *b;
    if (in.left == 0)
        return KERF_OK;
    kerf_status status = kerf__bundle_parse(&b, in);
    for (int like = 2; status == KERF_OK && dev != NULL && like >= 1; like--)
        for (size_t i = 0; status == KERF_OK && i < b->num; i++)
            if (likeness(&b->devices[i], kerf_device_get_info(dev)) == like)
                status = offer(dev, &b->devices[i], like == 2);
    kerf_bundle_destroy(b);
    return status;
}
