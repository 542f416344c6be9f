/* device/select.c -- which device a text names; see kerf_device_open().
 *
 * Nothing is guessed: a text that fits several devices is an error that lists them, with the
 * numbers that would tell them apart. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "device/device_internal.h"

/* 1 if `part` of `part_bytes` stands anywhere in text; case does not count. */
static int holds(const char *text, const char *part, size_t part_bytes)
{
    for (; strlen(text) >= part_bytes; text++) {
        if (strncasecmp(text, part, part_bytes) == 0)
            return 1;
        if (*text == '\0')
            break;
    }
    return 0;
}

/* Ways a text can name a device, each looked at when no earlier one found any. */
static int fits_whole_name(const kerf_device_info *info, const char *spec)
{
    return strcasecmp(info->name, spec) == 0;
}

static int fits_pci(const kerf_device_info *info, const char *spec)
{
    size_t length = strlen(info->pci), wanted = strlen(spec);
    if (strncasecmp(spec, "pci:", 4) != 0 || wanted == 4 || length < wanted - 4)
        return 0;
    /* The domain may be left out. */
    return strcasecmp(info->pci + length - (wanted - 4), spec + 4) == 0;
}

static int fits_part(const kerf_device_info *info, const char *spec)
{
    return holds(info->name, spec, strlen(spec));
}

static int fits_platform(const kerf_device_info *info, const char *spec)
{
    const char *colon = strchr(spec, ':');
    return colon != NULL && holds(info->platform, spec, (size_t)(colon - spec)) &&
           holds(info->name, colon + 1, strlen(colon + 1));
}

/* "0 (PLATFORM: NAME), 1 (...)" of the marked ones. */
static void list_choices(const kerf_device_info *infos, size_t num, const char *fits, char *text,
                         size_t text_bytes)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < num && length < text_bytes; i++) {
        if (fits != NULL && !fits[i])
            continue;
        int more = snprintf(text + length, text_bytes - length, "%s%zu (%s: %s%s%s)",
                            length > 0 ? ", " : "", i, infos[i].platform, infos[i].name,
                            infos[i].pci[0] != '\0' ? ", pci:" : "", infos[i].pci);
        length += more > 0 ? (size_t)more : 0;
    }
}

static kerf_status select_number(const kerf_device_info *infos, size_t num, const char *spec,
                                 size_t *index)
{
    char choices[2048];
    unsigned long number = strtoul(spec, NULL, 10);
    if (number < num) {
        *index = number;
        return KERF_OK;
    }
    list_choices(infos, num, NULL, choices, sizeof choices);
    return kerf__fail(KERF_ERR_NO_DEVICE, "device %s: must be one of %s", spec, choices);
}

/* "; A; B" of the lines that say what was left out: it may be what was wanted. */
static const char *left_out(char text[2048])
{
    const char *lines = kerf__opencl_left_out();
    snprintf(text, 2048, "%s%s", *lines != '\0' ? "; " : "", lines);
    for (char *end = strchr(text, '\n'); end != NULL; end = strchr(end, '\n'))
        *end = ';';
    return text;
}

static kerf_status select_text(const kerf_device_info *infos, size_t num, const char *spec,
                               size_t *index)
{
    static int (*const WAYS[])(const kerf_device_info *info, const char *spec) = {
        fits_whole_name, fits_pci, fits_part, fits_platform};
    char fits[256] = {0}, choices[2048], more[2048];
    size_t num_fits = 0;
    for (size_t way = 0; way < sizeof WAYS / sizeof WAYS[0] && num_fits == 0; way++) {
        for (size_t i = 0; i < num && i < sizeof fits; i++) {
            fits[i] = (char)WAYS[way](&infos[i], spec);
            if (fits[i] && num_fits++ == 0)
                *index = i;
        }
    }
    if (num_fits == 1)
        return KERF_OK;
    list_choices(infos, num, num_fits > 0 ? fits : NULL, choices, sizeof choices);
    if (num_fits == 0)
        return kerf__fail(KERF_ERR_NO_DEVICE,
                          "device '%s': none has that name, must be one of %s%s", spec, choices,
                          left_out(more));
    return kerf__fail(KERF_ERR_ARGUMENT, "device '%s': fits several, must be one of %s", spec,
                      choices);
}

kerf_status kerf__device_select(const kerf_device_info *infos, size_t num, const char *spec,
                                size_t *index)
{
    *index = 0;
    char more[2048];
    if (num == 0)
        return kerf__fail(KERF_ERR_NO_DEVICE,
                          "no OpenCL device: no driver lists one with OpenCL 1.2 or later; install "
                          "a driver (Debian: apt install pocl-opencl-icd)%s",
                          left_out(more));
    if (spec == NULL || *spec == '\0')
        spec = getenv("KERF_DEVICE");
    if (spec != NULL && *spec != '\0')
        return spec[strspn(spec, "0123456789")] == '\0' ? select_number(infos, num, spec, index)
                                                        : select_text(infos, num, spec, index);
    for (size_t i = 0; i < num; i++) {
        if (infos[i].type == KERF_DEVICE_GPU) {
            *index = i;
            break;
        }
    }
    return KERF_OK;
}
