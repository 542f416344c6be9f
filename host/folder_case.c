/* folder_case.c -- runs one folder of an ONNX test; see folder_case.h.
 *
 * Results agree as ONNX's own runner sees it: within 1e-7 + 1e-3 of what is wanted; whole numbers
 * exactly; NaN where NaN is wanted. */
#include "folder_case.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

enum { PATH_BYTES = 4096 };
static const double ABS_TOLERANCE = 1e-7, REL_TOLERANCE = 1e-3;

/* A model on a device, and one data set of it. */
typedef struct run {
    folder_case *c;
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *plan;
    kerf_tensor **inputs;    /* owned, on the host */
    kerf_known_input *known; /* owned; the same for the plan */
    int num_inputs;
} run;

const char *folder_case_name(const folder_case *c)
{
    const char *slash = strrchr(c->path, '/');
    return slash != NULL ? slash + 1 : c->path;
}

static int SAY_PRINTF(2, 3) fail_case(folder_case *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->why, sizeof c->why, format, args);
    va_end(args);
    c->result = FOLDER_FAILED;
    return 0;
}

/* 1 if the call went well. */
static int went_well(folder_case *c, kerf_status status)
{
    return status == KERF_OK || fail_case(c, "%s", kerf_last_error());
}

/* ---- what goes in -------------------------------------------------------------------------- */

/* A longer path is cut, and so names no file. */
static const char *tensor_path(char *path, const char *set, const char *what, int i)
{
    snprintf(path, PATH_BYTES, "%.3900s/%.16s_%d.pb", set, what, i);
    return path;
}

static int read_tensor(folder_case *c, kerf_tensor **out, const char *set, const char *what, int i)
{
    char path[PATH_BYTES];
    return went_well(c, kerf_onnx_read_tensor(out, tensor_path(path, set, what, i)));
}

static int has_tensor(const char *set, const char *what, int i)
{
    char path[PATH_BYTES];
    return file_exists(tensor_path(path, set, what, i));
}

static int read_inputs(run *r, const char *set)
{
    if (has_tensor(set, "input", r->num_inputs))
        return fail_case(r->c, "%s has more than %d inputs, the model has not", set, r->num_inputs);
    for (int i = 0; i < r->num_inputs; i++) {
        const kerf_value *v = kerf_graph_input(r->g, i);
        kerf_tensor *t = NULL;
        if (!read_tensor(r->c, &t, set, "input", i))
            return 0;
        r->inputs[i] = t;
        r->known[i] =
            (kerf_known_input){kerf_value_name(v), kerf_tensor_shape(t), kerf_tensor_data(t)};
        if (kerf_tensor_type(t) != kerf_value_type(v))
            return fail_case(r->c, "input %s is %s, must be %s", kerf_value_name(v),
                             kerf_type_name(kerf_tensor_type(t)),
                             kerf_type_name(kerf_value_type(v)));
    }
    return 1;
}

static int feed(run *r)
{
    kerf_plan_options plan_options = {
        .mode = KERF_EVALUATE, .batch = 1, .inputs = r->known, .num_inputs = (size_t)r->num_inputs};
    if (!went_well(r->c, kerf_plan_create(&r->plan, r->g, r->s, &plan_options)))
        return 0;
    for (int i = 0; i < r->num_inputs; i++) {
        kerf_tensor *t = kerf_plan_input(r->plan, r->known[i].name);
        if (t != NULL && !went_well(r->c, kerf_tensor_write(t, r->known[i].data)))
            return 0;
    }
    return went_well(r->c, kerf_plan_run(r->plan));
}

/* ---- what comes out ------------------------------------------------------------------------ */

static int float_agrees(folder_case *c, double got, double want)
{
    const double off = fabs(got - want);
    if ((isnan(got) && isnan(want)) || got == want)
        return 1;
    c->max_abs = fmax(c->max_abs, isnan(off) ? INFINITY : off);
    c->max_rel = fmax(c->max_rel, isnan(off) ? INFINITY : off / fabs(want));
    return off <= ABS_TOLERANCE + REL_TOLERANCE * fabs(want);
}

/* Of types below 8 bits, which are packed, the first in the lowest bits. */
static double packed_element(const unsigned char *bytes, kerf_type type, size_t i)
{
    const size_t bits = kerf_type_bits(type), at = i * bits;
    const int x = bytes[at / 8] >> at % 8 & ((1 << bits) - 1);
    const int has_sign = type == KERF_S4 || type == KERF_S2;
    return has_sign && x >> (bits - 1) != 0 ? x - (1 << bits) : x;
}

/* For people; int64 as far as a double goes. */
static double element(const void *data, kerf_type type, size_t i)
{
    switch (type) {
    case KERF_F32:
        return (double)((const float *)data)[i];
    case KERF_S64:
        return (double)((const int64_t *)data)[i];
    case KERF_S32:
        return ((const int32_t *)data)[i];
    case KERF_S8:
        return ((const signed char *)data)[i];
    case KERF_S16:
        return ((const int16_t *)data)[i];
    case KERF_U16:
        return ((const uint16_t *)data)[i];
    case KERF_U8:
    case KERF_BOOL:
        return ((const unsigned char *)data)[i];
    default:
        return packed_element(data, type, i);
    }
}

static int elements_agree(folder_case *c, kerf_type type, const void *got, const void *want,
                          size_t i)
{
    const size_t width = kerf_type_bits(type) / 8;
    if (type == KERF_F32)
        return float_agrees(c, element(got, type, i), element(want, type, i));
    if (width == 0)
        return element(got, type, i) == element(want, type, i);
    return memcmp((const char *)got + i * width, (const char *)want + i * width, width) == 0;
}

static int compare(folder_case *c, const char *name, const void *got, kerf_tensor *want)
{
    const kerf_type type = kerf_tensor_type(want);
    const size_t num = kerf_tensor_num_elements(want);
    const void *data = kerf_tensor_data(want);
    size_t num_off = 0, first = 0;
    c->max_abs = isnan(c->max_abs) ? 0 : c->max_abs;
    c->max_rel = isnan(c->max_rel) ? 0 : c->max_rel;
    for (size_t i = 0; i < num; i++)
        if (!elements_agree(c, type, got, data, i) && num_off++ == 0)
            first = i;
    return num_off == 0 ||
           fail_case(c,
                     "output %s: %zu of %zu elements are wrong, the first is %zu: is %.9g, must "
                     "be %.9g",
                     name, num_off, num, first, element(got, type, first),
                     element(data, type, first));
}

static int check_output(run *r, int i, kerf_tensor *want)
{
    const char *name = kerf_value_name(kerf_graph_output(r->g, i));
    const kerf_tensor *t = kerf_plan_output(r->plan, name);
    char is[96], must[96];
    if (t == NULL)
        return fail_case(r->c, "output %s is not made", name);
    const kerf_shape shape = kerf_tensor_shape(t), wanted = kerf_tensor_shape(want);
    if (kerf_tensor_type(t) != kerf_tensor_type(want) || !kerf_shape_equal(shape, wanted))
        return fail_case(r->c, "output %s is %s %s, must be %s %s", name,
                         kerf_type_name(kerf_tensor_type(t)), kerf_shape_text(shape, is, sizeof is),
                         kerf_type_name(kerf_tensor_type(want)),
                         kerf_shape_text(wanted, must, sizeof must));
    void *got = malloc(kerf_tensor_size_bytes(t) + 1);
    const int good =
        got != NULL ? went_well(r->c, kerf_tensor_read(t, got)) && compare(r->c, name, got, want)
                    : fail_case(r->c, "out of memory");
    free(got);
    return good;
}

static int check_outputs(run *r, const char *set)
{
    const int num = kerf_graph_num_outputs(r->g);
    if (!has_tensor(set, "output", 0))
        return fail_case(r->c, "%s has no output_0.pb", set);
    for (int i = 0; has_tensor(set, "output", i); i++) {
        kerf_tensor *want = NULL;
        if (i >= num)
            return fail_case(r->c, "%s has more than %d outputs, the model has not", set, num);
        const int good = read_tensor(r->c, &want, set, "output", i) && check_output(r, i, want);
        kerf_tensor_destroy(want);
        if (!good)
            return 0;
    }
    return 1;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void run_set(run *r, const char *set)
{
    if (read_inputs(r, set) && feed(r))
        (void)!check_outputs(r, set);
    for (int i = 0; i < r->num_inputs; i++) {
        kerf_tensor_destroy(r->inputs[i]);
        r->inputs[i] = NULL;
    }
    kerf_plan_destroy(r->plan);
    r->plan = NULL;
}

static void run_sets(run *r)
{
    char set[PATH_BYTES];
    r->num_inputs = kerf_graph_num_inputs(r->g);
    r->inputs = calloc((size_t)r->num_inputs + 1, sizeof(kerf_tensor *));
    r->known = calloc((size_t)r->num_inputs + 1, sizeof *r->known);
    if (r->inputs == NULL || r->known == NULL) {
        fail_case(r->c, "out of memory");
        return;
    }
    for (int i = 0; r->c->result == FOLDER_PASSED; i++) {
        snprintf(set, sizeof set, "%.3800s/test_data_set_%d", r->c->path, i);
        if (!file_exists(set)) {
            if (i == 0)
                fail_case(r->c, "has no folder test_data_set_0");
            return;
        }
        run_set(r, set);
    }
}

void folder_case_run(folder_case *c, kerf_device *dev)
{
    char path[PATH_BYTES];
    run r = {.c = c};
    c->result = FOLDER_PASSED;
    c->max_abs = c->max_rel = NAN;
    snprintf(path, sizeof path, "%.3800s/model.onnx", c->path);
    if (!went_well(c, kerf_onnx_read_outline(&c->outline, path)))
        return;
    if (c->outline.unsupported[0] != '\0') {
        snprintf(c->why, sizeof c->why, "%s", c->outline.unsupported);
        c->result = FOLDER_UNSUPPORTED;
        return;
    }
    if (went_well(c, kerf_onnx_read(&r.g, &r.s, path, dev)))
        run_sets(&r);
    free(r.inputs);
    free(r.known);
    kerf_graph_destroy(r.g);
    kerf_state_destroy(r.s);
}
