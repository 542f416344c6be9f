/* prune/structure_text.c -- "weight", "block=RxC", "n:m=N:M", "kernel", "channel": what goes as
 * one, as people write it. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "kerf/prune.h"

static kerf_status parse_pair(const char *text, char between, int64_t pair[2])
{
    char *end;
    pair[0] = strtoll(text, &end, 10);
    if (end == text || *end != between)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "structure %s: must be two whole numbers with '%c' between them", text,
                          between);
    text = end + 1;
    pair[1] = strtoll(text, &end, 10);
    if (end == text || *end != '\0')
        return kerf__fail(KERF_ERR_ARGUMENT, "structure ...%s: must end with a whole number", text);
    return KERF_OK;
}

kerf_status kerf_prune_structure_parse(kerf_prune_options *out, const char *text)
{
    static const struct {
        const char *name;
        kerf_prune_structure structure;
        char between; /* of its two numbers; 0: it has none */
    } forms[] = {
        {"weight", KERF_STRUCTURE_WEIGHT, 0},   {"block=", KERF_STRUCTURE_BLOCK, 'x'},
        {"n:m=", KERF_STRUCTURE_N_OF_M, ':'},   {"kernel", KERF_STRUCTURE_KERNEL, 0},
        {"channel", KERF_STRUCTURE_CHANNEL, 0},
    };
    for (size_t i = 0; text != NULL && i < sizeof forms / sizeof forms[0]; i++) {
        const size_t length = strlen(forms[i].name);
        const int fits = forms[i].between != 0 ? strncmp(text, forms[i].name, length) == 0
                                               : strcmp(text, forms[i].name) == 0;
        out->structure = fits ? forms[i].structure : out->structure;
        if (fits)
            return forms[i].between != 0 ? parse_pair(text + length, forms[i].between, out->block)
                                         : KERF_OK;
    }
    if (text == NULL)
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "structure %s: must be weight, block=4x1, n:m=2:4, kernel or channel", text);
}
