/* gate_walk.c -- builds every variant with every candidate on the cases of gate_cases.c; what
 * they launch is noted by gate_programs.c.
 *
 * Devices and tensors are paper: an operation looks at shapes and at the device's description,
 * and nothing is run.  A variant, candidate or operation that no case reaches is said and
 * counted; gate.py says the same of kernel entries. */
#include "gate_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device_internal.h"
#include "gate_cases.h"
#include "ops/steps_common.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

gate_least gate_device;

enum { MOST_VALUES = 16 }; /* inputs, or outputs, of a node */

/* ---- paper ----------------------------------------------------------------------------- */

#define ON_CPU(device) ((device) == KERF_DEVICE_CPU)
#define PAPER(device, items, bytes, floats)                                                        \
    {                                                                                              \
        .info = {                                                                                  \
            .name = "paper",                                                                       \
            .type = (device),                                                                      \
            .compute_units = 8,                                                                    \
            .max_group = (items),                                                                  \
            .local_bytes = (bytes),                                                                \
            .global_bytes = 1ull << 32,                                                            \
            .max_alloc_bytes = 1ull << 30,                                                         \
            .features = {.vector_floats = (floats),                                                \
                         .streaming_stores = ON_CPU(device),                                       \
                         .dot = {[KERF_DOT_KHR] = !ON_CPU(device) << KERF_S8S8,                    \
                                 [KERF_DOT_KHR_ACC] = !ON_CPU(device) << KERF_S8S8,                \
                                 [KERF_DOT_ARM] = !ON_CPU(device) << KERF_S8S8,                    \
                                 [KERF_DOT_AMD] = !ON_CPU(device) << KERF_S8S8,                    \
                                 [KERF_DOT_X86] = ON_CPU(device) << KERF_U8S8,                     \
                                 [KERF_DOT_PAIRS] = ON_CPU(device) << KERF_U8S8}}                  \
        }                                                                                          \
    }
static kerf_device devices[] = {
    [GATE_SMALL] = PAPER(KERF_DEVICE_GPU, 64, 16384, 1),
    [GATE_GPU] = PAPER(KERF_DEVICE_GPU, 1024, 32768, 1),
    [GATE_CPU] = PAPER(KERF_DEVICE_CPU, 1024, 32768, 16),
};

/* Of inputs and scratch, and of outputs: what is computed in place may take another kernel. */
static kerf__buffer paper_buffer, paper_output = {.offset_bytes = 1};

static void bad_case(const gate_case *c, const char *what)
{
    fprintf(stderr, "gate_cases.c: %s \"%s\": %s\n", c->op, c->inputs, what);
    exit(1);
}

/* "f32:50,70" */
static kerf_type read_input(const gate_case *c, const char *text, kerf_shape *shape)
{
    static const struct {
        const char *name;
        kerf_type type;
    } TYPES[] = {{"f32:", KERF_F32},  {"f16:", KERF_F16}, {"s32:", KERF_S32}, {"s64:", KERF_S64},
                 {"u8:", KERF_U8},    {"s8:", KERF_S8},   {"u16:", KERF_U16}, {"s16:", KERF_S16},
                 {"u4:", KERF_U4},    {"s4:", KERF_S4},   {"u2:", KERF_U2},   {"s2:", KERF_S2},
                 {"bool:", KERF_BOOL}};
    *shape = KERF_SCALAR;
    for (size_t i = 0; i < LENGTH(TYPES); i++) {
        const size_t length = strlen(TYPES[i].name);
        if (strncmp(text, TYPES[i].name, length) != 0)
            continue;
        for (char *at = (char *)text + length; *at != '\0'; at += *at == ',')
            shape->dims[shape->rank++] = strtol(at, &at, 10);
        return TYPES[i].type;
    }
    bad_case(c, "its types must be f32:, f16:, s2: to s64:, u2: to u16:, or bool:");
    return KERF_F32;
}

static int is_list(const char *key)
{
    static const char *const LISTS[] = {"axes",    "ends",  "pads",   "perm",
                                        "repeats", "shape", "starts", "steps"};
    for (size_t i = 0; i < LENGTH(LISTS); i++)
        if (strcmp(LISTS[i], key) == 0)
            return 1;
    return 0;
}

static void set_attribute(const gate_case *c, kerf_node *n, char *text)
{
    int64_t numbers[KERF_MAX_RANK];
    size_t num = 0;
    char *at = strchr(text, '=');
    if (at == NULL)
        bad_case(c, "an attribute must be NAME=NUMBER,... or NAME=WORD");
    *at++ = '\0';
    if (strchr("-0123456789", *at) == NULL) {
        if (kerf_node_set_string(n, text, at) != KERF_OK)
            bad_case(c, kerf_last_error());
        return;
    }
    if (strchr(at, '.') != NULL) {
        float floats[KERF_MAX_RANK];
        for (; *at != '\0'; at += *at == ',')
            floats[num++] = strtof(at, &at);
        if (kerf_node_set_floats(n, text, floats, num) != KERF_OK)
            bad_case(c, kerf_last_error());
        return;
    }
    for (; *at != '\0'; at += *at == ',')
        numbers[num++] = strtol(at, &at, 10);
    kerf_status status = num > 1 || is_list(text) ? kerf_node_set_ints(n, text, numbers, num)
                                                  : kerf_node_set_int(n, text, numbers[0]);
    if (status != KERF_OK)
        bad_case(c, kerf_last_error());
}

static kerf_status add_zeros(kerf_graph *g, const char *name, kerf_type type, kerf_shape shape,
                             kerf_value **out)
{
    kerf_tensor *t;
    KERF__TRY(kerf_tensor_create(&t, NULL, type, shape));
    memset(t->data, 0, t->size_bytes);
    return kerf_graph_add_constant(g, name, t, out);
}

/* Of operations that may have several, one. */
static int num_outputs_of(const gate_case *c, const kerf__op *op)
{
    return c->num_outputs > 0 ? c->num_outputs : op->num_outputs > 0 ? op->num_outputs : 1;
}

/* A node of operation `op` on the case's inputs. */
static kerf_node *make_node(const gate_case *c, const kerf__op *op, kerf_graph *g)
{
    kerf_value *inputs[MOST_VALUES] = {NULL};
    kerf_node *n = NULL;
    int num = 0;
    char text[256], name[16], *rest = text, *word;
    snprintf(text, sizeof text, "%s", c->inputs);
    for (; (word = strtok_r(rest, " ", &rest)) != NULL; num++) {
        kerf_shape shape;
        snprintf(name, sizeof name, "in%d", num);
        if (num == MOST_VALUES)
            bad_case(c, "it has too many inputs");
        if (strcmp(word, "-") == 0)
            continue;
        const kerf_type type = read_input(c, word + (word[0] == '0'), &shape);
        if ((word[0] == '0' ? add_zeros(g, name, type, shape, &inputs[num])
                            : kerf_graph_add_input(g, name, type, shape, &inputs[num])) != KERF_OK)
            bad_case(c, kerf_last_error());
    }
    if (kerf_graph_add_node(g, op->op, "node", inputs, num, num_outputs_of(c, op), &n) != KERF_OK)
        bad_case(c, kerf_last_error());
    snprintf(text, sizeof text, "%s", c->attributes != NULL ? c->attributes : "");
    for (rest = text; (word = strtok_r(rest, " ", &rest)) != NULL;)
        set_attribute(c, n, word);
    return n;
}

static kerf_tensor paper_tensor(kerf_device *dev, kerf__buffer *buffer, const kerf_value *v)
{
    return (kerf_tensor){.dev = dev,
                         .buffer = buffer,
                         .type = v->type,
                         .shape = v->shape,
                         .num_elements = (size_t)kerf_shape_num_elements(v->shape),
                         .size_bytes = (size_t)kerf__tensor_bytes(v->type, v->shape)};
}

/* ---- the walk -------------------------------------------------------------------------- */

static kerf__option reached[1024];
static int num_reached;

/* Candidate NULL: any, of a variant without a table of them. */
static int is_reached(const kerf__variant *variant, const kerf__candidate *candidate)
{
    for (int i = 0; i < num_reached; i++)
        if (reached[i].variant == variant &&
            (candidate == NULL || reached[i].candidate == candidate))
            return 1;
    return 0;
}

/* Builds all options of a node; gives their number. */
static int build(const gate_case *c, kerf_device *dev, const kerf_node *n)
{
    kerf_tensor tensors[2][MOST_VALUES], *inputs[MOST_VALUES] = {0}, *outputs[MOST_VALUES] = {0};
    kerf__steps steps = {0};
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL) {
            tensors[0][i] = paper_tensor(dev, &paper_buffer, n->inputs[i]);
            inputs[i] = &tensors[0][i];
        }
    for (int i = 0; i < n->num_outputs; i++) {
        tensors[1][i] = paper_tensor(dev, &paper_output, n->outputs[i]);
        outputs[i] = &tensors[1][i];
    }
    kerf__op_case asked = {.dev = dev,
                           .node = n,
                           .inputs = inputs,
                           .outputs = outputs,
                           .scratch = &paper_buffer,
                           .steps = &steps};
    int num = 0;
    for (int i = 0; kerf__option_at(&asked, i, &asked.option); i++, num++) {
        if (asked.option.variant->foreign)
            continue;
        if (asked.option.variant->build(&asked) != KERF_OK)
            bad_case(c, kerf_last_error());
        if (!is_reached(asked.option.variant, asked.option.candidate) &&
            num_reached < (int)LENGTH(reached))
            reached[num_reached++] = asked.option;
    }
    kerf__steps_clear(&steps);
    return num;
}

static void build_everywhere(const gate_case *c, const kerf_node *n)
{
    /* Values in blocks, and patterns made for a tile, are met on CPU devices alone. */
    const int blocked =
        kerf__node_attribute(n, "layouts") != NULL || kerf__node_attribute(n, "tile") != NULL;
    for (gate_device = GATE_SMALL; gate_device <= GATE_CPU; gate_device++)
        if (build(c, &devices[gate_device], n) == 0 && (!blocked || gate_device == GATE_CPU))
            bad_case(c, "no variant fits a small device, a GPU or a CPU");
}

/* The same stored as halves where the operation can; a Reorder converts either way. */
static void build_halves(const gate_case *c, kerf_node *n)
{
    static const kerf_type BOTH[] = {KERF_F16, KERF_F32};
    const int converts = strcmp(n->op, "kerf.Reorder") == 0;
    if (n->outputs[0]->type != KERF_F32 || (kerf__op_find(n->op)->halves == 0 && !converts))
        return;
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL && (converts || kerf__is_half_input(n, i)))
            n->inputs[i]->type = KERF_F16;
    for (int i = 0; i < 2; i++) {
        n->outputs[0]->type = BOTH[i];
        if (i == 0 || converts)
            build_everywhere(c, n);
    }
    n->inputs[0]->type = KERF_F32;
    n->outputs[0]->type = KERF_F16;
    if (converts)
        build_everywhere(c, n);
}

/* A relative's shape rule may refuse the case; its own may not.  1 if it was taken. */
static int walk_case(const gate_case *c, const kerf__op *op)
{
    kerf_graph *g;
    if (kerf_graph_create(&g) != KERF_OK)
        bad_case(c, kerf_last_error());
    kerf_node *n = make_node(c, op, g);
    const int takes = kerf__node_infer(n) == KERF_OK;
    if (!takes && strcmp(op->op, c->op) == 0)
        bad_case(c, kerf_last_error());
    if (takes) {
        build_everywhere(c, n);
        build_halves(c, n);
    }
    kerf_graph_destroy(g);
    return takes;
}

static int is_relative(const kerf__op *op, const char *name)
{
    const kerf__op *other = kerf__op_find(name);
    if (other == NULL) {
        fprintf(stderr, "gate_cases.c: there is no operation %s\n", name);
        exit(1);
    }
    return op == other || (op->variants == other->variants && op->min_inputs == other->min_inputs);
}

/* How many of the operation's options no case reaches. */
static int count_unreached(const kerf__op *op)
{
    int num = 0;
    for (int i = 0; i < op->num_variants; i++) {
        const kerf__variant *v = &op->variants[i];
        for (int k = 0; k < (v->candidates != NULL ? v->num_candidates : 1) && !v->foreign; k++) {
            const kerf__candidate *candidate = v->candidates != NULL ? &v->candidates[k] : NULL;
            if (is_reached(v, candidate))
                continue;
            fprintf(stderr, "gate_cases.c: no case of %s reaches %s/%s\n", op->op, v->name,
                    candidate != NULL ? candidate->name : "");
            num++;
        }
    }
    return num;
}

static int walk_op(const kerf__op *op)
{
    int taken = 0;
    for (int k = 0; k < gate_num_cases; k++)
        if (is_relative(op, gate_cases[k].op))
            taken += walk_case(&gate_cases[k], op);
    if (taken > 0)
        return count_unreached(op);
    fprintf(stderr, "gate_cases.c: operation %s has no case\n", op->op);
    return 1;
}

static void walk_probes(void)
{
    for (int i = 0; i < gate_num_probes; i++) {
        const gate_probe *p = &gate_probes[i];
        gate_device = p->group > 64 ? GATE_GPU : p->group > 1 ? GATE_SMALL : GATE_CPU;
        gate_note(p->source, p->options, p->entry, (size_t)p->group, (size_t)p->local_bytes,
                  p->needs);
    }
}

int gate_walk(void)
{
    int faults = 0;
    for (int i = 0; kerf__op_at(i) != NULL; i++)
        if (kerf__op_at(i)->variants != NULL)
            faults += walk_op(kerf__op_at(i));
    walk_probes();
    return faults;
}
