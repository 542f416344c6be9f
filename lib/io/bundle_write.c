/* io/bundle_write.c -- a device into a bundle, a bundle into a packed file; see kerf/bundle.h and
 * docs/format.md.  Other half: bundle.c. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "device/program_offer.h"
#include "io/bundle.h"
#include "io/packed_internal.h"

/* ---- a device ------------------------------------------------------------------------------- */

static kerf_status set_texts(kerf__bundle_device *d, const kerf_device_info *info)
{
    const char *const texts[KERF__BUNDLE_TEXTS] = {[KERF__BUNDLE_ID] = info->id,
                                                   [KERF__BUNDLE_PROFILE] = info->profile,
                                                   [KERF__BUNDLE_NAME] = info->name,
                                                   [KERF__BUNDLE_DRIVER] = info->driver,
                                                   [KERF__BUNDLE_VERSION] = kerf_version()};
    for (int i = 0; i < KERF__BUNDLE_TEXTS; i++) {
        d->texts[i] = kerf__strdup(texts[i]);
        if (d->texts[i] == NULL)
            return kerf__fail_memory("bundle", strlen(texts[i]));
    }
    return KERF_OK;
}

static kerf_status add_choices(kerf__bundle_device *d, json_t *choices)
{
    const char *which;
    json_t *choice;
    d->choices = kerf__alloc(json_object_size(choices), sizeof *d->choices);
    if (d->choices == NULL)
        return kerf__fail_memory("bundle", json_object_size(choices) * sizeof *d->choices);
    json_object_foreach(choices, which, choice)
    {
        kerf__bundle_choice *c = &d->choices[d->num_choices++];
        if (!json_is_string(choice))
            return kerf__fail(KERF_ERR_FORMAT, "bundle: the choice of '%s' must be a text", which);
        c->which = kerf__strdup(which);
        c->choice = kerf__strdup(json_string_value(choice));
        if (c->which == NULL || c->choice == NULL)
            return kerf__fail_memory("bundle", strlen(which));
    }
    return KERF_OK;
}

static kerf_status set_choices(kerf__bundle_device *d, const char *text)
{
    json_t *choices = json_loads(text, 0, NULL);
    kerf_status status = json_is_object(choices)
                             ? add_choices(d, choices)
                             : kerf__fail(KERF_ERR_FORMAT, "bundle: choices must be a JSON object");
    json_decref(choices);
    return status;
}

static kerf_status set_programs(kerf__bundle_device *d, kerf_device *dev)
{
    const size_t most = kerf__program_count(dev);
    d->programs = kerf__alloc(most, sizeof *d->programs);
    if (d->programs == NULL)
        return kerf__fail_memory("bundle", most * sizeof *d->programs);
    for (size_t i = 0; i < most; i++) {
        kerf__bundle_program *p = &d->programs[d->num_programs];
        p->at = kerf__program_export(dev, i, &p->num);
        d->num_programs += p->at != NULL;
    }
    return KERF_OK;
}

/* The place of this device, a new one at the end if it has none. */
static kerf__bundle_device *place_of(kerf_bundle *b, const char *id)
{
    for (size_t i = 0; i < b->num; i++)
        if (strcmp(b->devices[i].texts[KERF__BUNDLE_ID], id) == 0)
            return &b->devices[i];
    if (!kerf__grow((void **)&b->devices, &b->capacity, b->num, sizeof *b->devices))
        return NULL;
    b->devices[b->num] = (kerf__bundle_device){0};
    return &b->devices[b->num++];
}

static kerf_status put(kerf_bundle *b, kerf__bundle_device *d)
{
    if (b->num == KERF__BUNDLE_MOST_DEVICES)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "bundle: has %d devices, which is the most",
                          KERF__BUNDLE_MOST_DEVICES);
    kerf__bundle_device *place = place_of(b, d->texts[KERF__BUNDLE_ID]);
    if (place == NULL)
        return kerf__fail_memory("bundle", sizeof *place);
    kerf__bundle_device_free(place);
    *place = *d;
    *d = (kerf__bundle_device){0};
    return KERF_OK;
}

kerf_status kerf_bundle_set_device(kerf_bundle *b, kerf_device *dev, const char *choices)
{
    kerf__bundle_device d = {0};
    kerf_status status = set_texts(&d, kerf_device_get_info(dev));
    if (status == KERF_OK)
        status = set_choices(&d, choices);
    if (status == KERF_OK)
        status = set_programs(&d, dev);
    if (status == KERF_OK)
        status = put(b, &d);
    kerf__bundle_device_free(&d);
    return status;
}

/* ---- a section ------------------------------------------------------------------------------ */

static kerf_status add_block(kerf__bytes *out, const void *bytes, size_t num)
{
    KERF__TRY(kerf__bytes_add_number(out, num));
    return kerf__bytes_add(out, bytes, num);
}

static kerf_status add_device(kerf__bytes *out, const kerf__bundle_device *d)
{
    for (int i = 0; i < KERF__BUNDLE_TEXTS; i++)
        KERF__TRY(add_block(out, d->texts[i], strlen(d->texts[i])));
    KERF__TRY(kerf__bytes_add_number(out, d->num_choices));
    for (size_t i = 0; i < d->num_choices; i++) {
        KERF__TRY(add_block(out, d->choices[i].which, strlen(d->choices[i].which)));
        KERF__TRY(add_block(out, d->choices[i].choice, strlen(d->choices[i].choice)));
    }
    KERF__TRY(kerf__bytes_add_number(out, d->num_programs));
    for (size_t i = 0; i < d->num_programs; i++)
        KERF__TRY(add_block(out, d->programs[i].at, d->programs[i].num));
    return KERF_OK;
}

static kerf_status add_section(kerf__bytes *out, const kerf_bundle *b)
{
    const unsigned char form = KERF__BUNDLE_FORM;
    KERF__TRY(kerf__bytes_add(out, &form, 1));
    KERF__TRY(kerf__bytes_add_number(out, b->num));
    for (size_t i = 0; i < b->num; i++)
        KERF__TRY(add_device(out, &b->devices[i]));
    return KERF_OK;
}

/* What stands before the file's sections, then this one. */
static kerf_status rewrite(kerf__bytes *out, const kerf_bundle *b, const unsigned char *bytes,
                           size_t num_plain)
{
    kerf__bytes section = {0};
    kerf_status status = kerf__bytes_add(out, bytes, num_plain);
    if (status == KERF_OK && b->num > 0)
        status = add_section(&section, b);
    if (status == KERF_OK && b->num > 0)
        status = kerf__bytes_add(out, KERF__PACKED_BUNDLE_TAG, 4);
    if (status == KERF_OK && b->num > 0)
        status = add_block(out, section.at, section.num);
    kerf__bytes_free(&section);
    if (status == KERF_OK)
        kerf__packed_seal(out->at, out->num,
                          b->num > 0 ? KERF__PACKED_VERSION : KERF__PACKED_PLAIN_VERSION);
    return status;
}

kerf_status kerf_bundle_attach(const kerf_bundle *b, void **bytes, size_t *num_bytes)
{
    kerf__bytes out = {0};
    size_t num_plain;
    KERF__TRY(kerf__packed_measure(&num_plain, *bytes, *num_bytes));
    const kerf_status status = rewrite(&out, b, *bytes, num_plain);
    if (status != KERF_OK) {
        kerf__bytes_free(&out);
        return status;
    }
    free(*bytes);
    *bytes = out.at;
    *num_bytes = out.num;
    return KERF_OK;
}
