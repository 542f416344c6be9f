/* bench_case.c -- the families of cases and how a line becomes one; see bench_case.h for how they
 * are written, bench_case_set.c for files. */
#include "bench_case.h"

#include <string.h>

/* ---- words --------------------------------------------------------------------------------- */

/* A whole number from 1 on; *end is behind it. */
static int64_t read_number(const char *text, const char **end)
{
    int64_t x = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && x < INT64_C(1) << 40; p++)
        x = 10 * x + (*p - '0');
    *end = p;
    return p > text && x < INT64_C(1) << 40 ? x : 0;
}

/* "1x64x112x112" */
static int read_shape(const char *word, kerf_shape *shape)
{
    *shape = KERF_SCALAR;
    for (const char *p = word;; p++) {
        if (shape->rank == KERF_MAX_RANK)
            return 0;
        int64_t x = shape->dims[shape->rank++] = read_number(p, &p);
        if (x < 1 || (*p != 'x' && *p != '\0'))
            return 0;
        if (*p == '\0')
            return kerf_shape_num_elements(*shape) > 0;
    }
}

/* "m=64": the number behind `key`, 0 if the word is another. */
static int64_t read_named(const char *word, const char *key)
{
    size_t length = strlen(key);
    if (strncmp(word, key, length) != 0 || word[length] != '=')
        return 0;
    const char *end;
    int64_t x = read_number(word + length + 1, &end);
    return *end == '\0' ? x : 0;
}

/* "axes=0,2,3", each below `rank` and larger than the one before. */
static int read_axes(bench_case *c, const char *word, int rank)
{
    if (strncmp(word, "axes=", 5) != 0)
        return 0;
    for (const char *p = word + 4; *p != '\0';) {
        const char *start = ++p;
        int64_t x = read_number(p, &p);
        if (p == start || x >= rank || (*p != ',' && *p != '\0') ||
            (c->num_axes > 0 && x <= c->axes[c->num_axes - 1]))
            return 0;
        c->axes[c->num_axes++] = x;
    }
    return c->num_axes > 0;
}

/* ---- families ------------------------------------------------------------------------------ */

static void add_input(bench_case *c, case_fill fill, kerf_shape shape)
{
    c->inputs[c->num_inputs++] = (case_input){fill, shape};
}

/* 1 if the node is one of `names`, which end with NULL. */
static int set_node(bench_case *c, const char *word, const char *const *names)
{
    c->num_outputs = 1;
    for (; *names != NULL; names++)
        if (strcmp(word, *names) == 0) {
            snprintf(c->node, sizeof c->node, "%s", word);
            return 1;
        }
    return 0;
}

/* m=M n=N k=K f32 [transA] [transB] */
static int read_gemm(bench_case *c, char **words, int num)
{
    static const char *const keys[] = {"m", "n", "k"};
    int64_t x[3] = {0};
    if (num < 4 || strcmp(words[3], "f32") != 0)
        return 0;
    for (int i = 0; i < 3; i++)
        if ((x[i] = read_named(words[i], keys[i])) == 0)
            return 0;
    for (int i = 4; i < num; i++) {
        int *flag = strcmp(words[i], "transA") == 0   ? &c->trans_a
                    : strcmp(words[i], "transB") == 0 ? &c->trans_b
                                                      : NULL;
        if (flag == NULL || *flag || (i == 5 && flag == &c->trans_a))
            return 0;
        *flag = 1;
    }
    snprintf(c->node, sizeof c->node, "Gemm");
    c->num_outputs = 1;
    c->flops = 2.0 * (double)x[0] * (double)x[1] * (double)x[2];
    add_input(c, FILL_VALUES, c->trans_a ? KERF_SHAPE(x[2], x[0]) : KERF_SHAPE(x[0], x[2]));
    add_input(c, FILL_VALUES, c->trans_b ? KERF_SHAPE(x[1], x[2]) : KERF_SHAPE(x[2], x[1]));
    return 1;
}

/* NODE SHAPE... f32: the larger input first, others are broadcast to it. */
static int read_elementwise(bench_case *c, char **words, int num)
{
    static const char *const one[] = {"Relu", "Exp", "Tanh", NULL};
    static const char *const two[] = {"Add", "Mul", "kerf.ReluGrad", NULL};
    int num_inputs = set_node(c, words[0], one) ? 1 : set_node(c, words[0], two) ? 2 : 0;
    kerf_shape shape, first;
    if (num_inputs == 0 || num != num_inputs + 2)
        return 0;
    for (int i = 0; i < num_inputs; i++) {
        if (!read_shape(words[1 + i], &shape))
            return 0;
        first = i == 0 ? shape : first;
        for (int d = 1; d <= shape.rank; d++) {
            int64_t here = shape.dims[shape.rank - d];
            if (d > first.rank || (here != 1 && here != first.dims[first.rank - d]))
                return 0;
        }
        add_input(c, FILL_VALUES, shape);
    }
    return 1;
}

/* NODE SHAPE [axes=A,B] f32 */
static int read_reduce(bench_case *c, char **words, int num)
{
    static const char *const nodes[] = {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceL2", NULL};
    kerf_shape shape;
    if (!set_node(c, words[0], nodes) || num < 3 || num > 4 || !read_shape(words[1], &shape))
        return 0;
    add_input(c, FILL_VALUES, shape);
    return num == 3 || read_axes(c, words[2], shape.rank);
}

/* NODE SHAPE f32, of a given rank if `rank` is not 0. */
static int read_one_shape(bench_case *c, char **words, int num, const char *const *nodes, int rank)
{
    kerf_shape shape;
    if (!set_node(c, words[0], nodes) || num != 3 || !read_shape(words[1], &shape) ||
        (rank != 0 && shape.rank != rank))
        return 0;
    add_input(c, FILL_VALUES, shape);
    return 1;
}

static int read_softmax(bench_case *c, char **words, int num)
{
    static const char *const nodes[] = {"Softmax", "LogSoftmax", NULL};
    return read_one_shape(c, words, num, nodes, 0);
}

static int read_loss(bench_case *c, char **words, int num)
{
    static const char *const nodes[] = {"SoftmaxCrossEntropyLoss", "kerf.MseLoss", NULL};
    if (!read_one_shape(c, words, num, nodes, 2))
        return 0;
    add_input(c, FILL_LABELS, KERF_SHAPE(c->inputs[0].shape.dims[0]));
    return 1;
}

/* weight, gradient, moments, no mask, step */
static int read_optimizer(bench_case *c, char **words, int num)
{
    static const char *const nodes[] = {"kerf.SgdUpdate", "kerf.AdamUpdate", NULL};
    if (!read_one_shape(c, words, num, nodes, 0))
        return 0;
    kerf_shape shape = c->inputs[0].shape;
    int is_adam = strcmp(c->node, nodes[1]) == 0;
    add_input(c, FILL_VALUES, shape);
    add_input(c, FILL_VALUES, shape);
    if (is_adam)
        add_input(c, FILL_POSITIVE, shape);
    add_input(c, FILL_NONE, KERF_SCALAR);
    add_input(c, FILL_STEP, KERF_SHAPE(16));
    c->num_outputs = is_adam ? 3 : 2;
    return 1;
}

/* weight, mask; for TopKMask the count comes first and the threshold comes out last */
static int read_mask(bench_case *c, char **words, int num)
{
    static const char *const nodes[] = {"kerf.Mask", "kerf.TopKMask", NULL};
    if (!read_one_shape(c, words, num, nodes, 0))
        return 0;
    kerf_shape shape = c->inputs[0].shape;
    if (strcmp(c->node, nodes[1]) == 0) {
        c->num_inputs = 0;
        add_input(c, FILL_COUNT, KERF_SCALAR);
        add_input(c, FILL_VALUES, shape);
        c->num_outputs = 2;
    }
    add_input(c, FILL_MASK, shape);
    return 1;
}

/* "stride=2 pad=3 group=32": each may be left out, the order stays. */
static int read_window(bench_case *c, char **words, int num)
{
    const struct {
        const char *key;
        int64_t *at;
    } keys[] = {{"stride", &c->conv.stride}, {"pad", &c->conv.pad}, {"group", &c->conv.group}};
    int at = 0;
    c->conv.stride = c->conv.group = 1;
    for (size_t k = 0; k < sizeof keys / sizeof keys[0] && at < num; k++) {
        int64_t x = read_named(words[at], keys[k].key);
        if (x > 0)
            *keys[k].at = x;
        at += x > 0;
    }
    return at == num;
}

/* NODE SRC WEIGHTS [stride=S] [pad=P] [group=G] f32 */
static int read_conv(bench_case *c, char **words, int num)
{
    static const char *const nodes[] = {"Conv", "kerf.ConvGradInput", "kerf.ConvGradWeights", NULL};
    case_conv *v = &c->conv;
    if (num < 4 || !set_node(c, words[0], nodes) || !read_shape(words[1], &v->src) ||
        !read_shape(words[2], &v->weights) || v->src.rank != 4 || v->weights.rank != 4 ||
        !read_window(c, words + 3, num - 4))
        return 0;
    const int64_t *src = v->src.dims, *weights = v->weights.dims;
    v->dst = KERF_SHAPE(src[0], weights[0], 0, 0);
    for (int d = 2; d < 4; d++) {
        if (src[d] + 2 * v->pad < weights[d])
            return 0;
        v->dst.dims[d] = (src[d] + 2 * v->pad - weights[d]) / v->stride + 1;
    }
    if (src[1] != weights[1] * v->group || weights[0] % v->group != 0)
        return 0;
    c->flops = 2.0 * (double)kerf_shape_num_elements(v->dst) *
               (double)(weights[1] * weights[2] * weights[3]);
    add_input(c, FILL_VALUES, strcmp(c->node, nodes[1]) == 0 ? v->dst : v->src);
    add_input(c, FILL_VALUES, strcmp(c->node, nodes[2]) == 0 ? v->dst : v->weights);
    return 1;
}

/* Texts are made of bench/shapes/NAME.txt (cmake/KerfHost.cmake). */
#define TEXT(name) extern const unsigned char shapes_##name[]
TEXT(gemm);
TEXT(conv);
TEXT(elementwise);
TEXT(reduce);
TEXT(softmax);
TEXT(loss);
TEXT(optimizer);
TEXT(mask);
#define FAMILY(name, example)                                                                      \
    {                                                                                              \
#name, shapes_##name, read_##name, check_##name, example                                   \
    }

const case_family case_families[] = {
    FAMILY(gemm, "m=64 n=300 k=784 f32"),
    FAMILY(conv, "Conv 1x3x224x224 64x3x7x7 stride=2 pad=3 f32"),
    FAMILY(elementwise, "Add 256x300 300 f32"),
    FAMILY(reduce, "ReduceSum 256x300 axes=0 f32"),
    FAMILY(softmax, "Softmax 128x1000 f32"),
    FAMILY(loss, "SoftmaxCrossEntropyLoss 128x1000 f32"),
    FAMILY(optimizer, "kerf.AdamUpdate 300x784 f32"),
    FAMILY(mask, "kerf.TopKMask 300x784 f32"),
};
const size_t num_case_families = sizeof case_families / sizeof case_families[0];

const case_family *case_family_find(const char *name)
{
    for (size_t i = 0; i < num_case_families; i++)
        if (strcmp(case_families[i].name, name) == 0)
            return &case_families[i];
    return NULL;
}

size_t case_input_bytes(const case_input *input)
{
    size_t num = (size_t)kerf_shape_num_elements(input->shape);
    return input->fill == FILL_NONE ? 0 : input->fill == FILL_MASK ? num : 4 * num;
}

/* ---- lines ------------------------------------------------------------------------------- */

int case_words(char *line, char **words)
{
    int num = 0;
    line[strcspn(line, "#\r\n")] = '\0';
    for (char *p = strtok(line, " \t"); p != NULL && num < CASE_WORDS; p = strtok(NULL, " \t"))
        words[num++] = p;
    return num;
}

/* 0 if there is no room for all. */
static int join_words(char *name, char **words, int num)
{
    size_t length = 0;
    for (int i = 0; i < num && length < CASE_NAME; i++)
        length +=
            (size_t)snprintf(name + length, CASE_NAME - length, "%s%s", i > 0 ? " " : "", words[i]);
    return length < CASE_NAME;
}

int case_read(bench_case *c, const case_family *family, const char *line)
{
    char text[CASE_LINE], *words[CASE_WORDS];
    *c = (bench_case){.family = family};
    snprintf(text, sizeof text, "%s", line);
    int num = case_words(text, words);
    if (!join_words(c->name, words, num) || num == 0 || !family->read(c, words, num))
        return 0;
    return family->read == read_gemm || strcmp(words[num - 1], "f32") == 0;
}
