/* compress/prune/prune_file.c -- masks from an .npz file: an array a weight, under the
 * weight's name and in its shape; 0 is pruned. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "compress/prune/prune_internal.h"
#include "data/data_internal.h"

/* The weight that is looked for and the numbers that are made of its array. */
typedef struct search {
    const char *path;
    const kerf_value *weight;
    kerf_tensor *found; /* NULL: not yet */
} search;

static double element(const void *data, kerf_type type, size_t i)
{
    switch (type) {
    case KERF_F32:
        return (double)((const float *)data)[i];
    case KERF_S32:
        return (double)((const int32_t *)data)[i];
    case KERF_S64:
        return (double)((const int64_t *)data)[i];
    default: /* bool, u8, s8: 0 is 0 */
        return (double)((const uint8_t *)data)[i];
    }
}

static kerf_status take(search *s, const kerf_tensor *t)
{
    kerf_type type = kerf_tensor_type(t);
    char is[128], must[128];
    if (!kerf_shape_equal(kerf_tensor_shape(t), s->weight->shape))
        return kerf__fail(KERF_ERR_SHAPE, "%s: mask '%s' is %s, must be %s like the weight",
                          s->path, s->weight->name,
                          kerf_shape_text(kerf_tensor_shape(t), is, sizeof is),
                          kerf_shape_text(s->weight->shape, must, sizeof must));
    if (type == KERF_F16 || kerf_type_bits(type) < 8)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "%s: mask '%s' is of %s, must be bool, integer or float32", s->path,
                          s->weight->name, kerf_type_name(type));
    KERF__TRY(kerf_tensor_create(&s->found, NULL, KERF_F32, s->weight->shape));
    float *numbers = kerf_tensor_data(s->found);
    const void *data = kerf_tensor_data((kerf_tensor *)t);
    for (size_t i = 0; i < kerf_tensor_num_elements(t); i++)
        numbers[i] = element(data, type, i) != 0 ? 1.0f : 0.0f;
    return KERF_OK;
}

static kerf_status look(void *context, const char *name, const kerf_tensor *t)
{
    search *s = context;
    return strcmp(name, s->weight->name) == 0 && s->found == NULL ? take(s, t) : KERF_OK;
}

kerf_status kerf__prune_file_numbers(kerf_tensor **out, const kerf_prune_options *options,
                                     const kerf__prune_target *target)
{
    search s = {options->mask_file, target->weight, NULL};
    kerf_status status = kerf__npz_read(options->mask_file, look, &s);
    if (status == KERF_OK && s.found == NULL)
        status = kerf__fail(KERF_ERR_ARGUMENT,
                            "%s: has no mask '%s'; must have one for each layer to prune",
                            options->mask_file, target->weight->name);
    if (status != KERF_OK) {
        kerf_tensor_destroy(s.found);
        return status;
    }
    *out = s.found;
    return KERF_OK;
}
