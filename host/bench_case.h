/* bench_case.h -- the cases of `kerf bench`: one node with bound shapes each.
 *
 * They are data: bench/shapes/NAME.txt, a part of the command, or a file given with --cases.
 * A line is what JSON calls the case's name, so a case is known by it everywhere:
 *
 *     cases 1 gemm                       before all others: the set's version, the family
 *     m=64 n=300 k=784 f32 transB        a product, its second operand stored (n, k)
 *     Add 256x300 300 f32                a node and the shapes of its inputs
 *     ReduceSum 256x300 axes=0 f32       a node, a shape, and the axes that go
 *     Conv 1x3x224x224 64x3x7x7 stride=2 pad=3 f32
 *
 * Words.  family: nodes that are read, checked and listed alike.  set: all cases that were
 * read; its id, "1-89ab12cd", is the version and a digest of their names, so results of
 * different sets cannot be taken for the same.
 *
 * Other halves: bench_case.c reads a line, bench_case_set.c files, bench_check.c and
 * bench_check_conv.c know what is right, bench_node.c makes the node. */
#ifndef HOST_BENCH_CASE_H
#define HOST_BENCH_CASE_H

#include "kerf/kerf.h"
#include "say.h"

enum {
    CASE_VERSION = 1,
    CASE_INPUTS = 6,
    CASE_OUTPUTS = 3,
    CASE_NAME = 96,
    CASE_NODE = 32,
    CASE_WORDS = 12,
    CASE_LINE = 256
};

/* What an input is filled with; its type follows. */
typedef enum case_fill {
    FILL_NONE,     /* the node leaves this input out */
    FILL_VALUES,   /* floats in [-1, 1) */
    FILL_POSITIVE, /* floats in [0, 1): second moments */
    FILL_LABELS,   /* int32 below the number of classes */
    FILL_MASK,     /* bool, 1 in 2 */
    FILL_STEP,     /* the step buffer of kerf_plan_set_step(): learning rate 0.01 */
    FILL_COUNT     /* int32: 90 % of the weights */
} case_fill;

typedef struct case_input {
    case_fill fill;
    kerf_shape shape;
} case_input;

/* Of convolutions: the tensors of the Conv that the line is, or is a gradient of. */
typedef struct case_conv {
    kerf_shape src, weights, dst;
    int64_t stride, pad, group;
} case_conv;

typedef struct case_family case_family;

typedef struct bench_case {
    const case_family *family;
    char name[CASE_NAME]; /* the line, words parted by one space */
    char node[CASE_NODE]; /* "Gemm", "ReduceSum" */
    case_input inputs[CASE_INPUTS];
    int num_inputs, num_outputs;
    int trans_a, trans_b; /* of products */
    int64_t axes[KERF_MAX_RANK];
    size_t num_axes; /* of reductions; 0: all */
    case_conv conv;
    double flops; /* 0 where bytes are what counts */
} bench_case;

/* A case's numbers on the host. */
typedef struct case_data {
    void *inputs[CASE_INPUTS], *outputs[CASE_OUTPUTS]; /* owned */
} case_data;

/* Where a result differs first, and by how much; why "" as long as all is well. */
typedef struct case_verdict {
    char why[200];
} case_verdict;

struct case_family {
    const char *name;          /* "gemm" */
    const unsigned char *text; /* the file of bench/shapes, ends with 0 */
    /* Sets node, inputs, outputs and the rest from the line's words; 0 if they make no case. */
    int (*read)(bench_case *c, char **words, int num);
    void (*check)(const bench_case *c, const case_data *d, case_verdict *v);
    const char *example; /* for messages */
};

extern const case_family case_families[];
extern const size_t num_case_families;
const case_family *case_family_find(const char *name); /* or NULL */

typedef struct case_set {
    bench_case *items; /* owned */
    size_t num, capacity;
    char id[24];
} case_set;

/* Reads the files, or with none of them all that are part of the command; 0 or an exit code
 * after a message.  case_set_free() in any case. */
int case_set_read(const options *o, const text_list *files, case_set *set);
void case_set_free(case_set *set);

/* Fowler, Noll and Vo's 32-bit hash of all names, begun with CASE_HASH: two sets with one are the
 * same set. */
#define CASE_HASH 2166136261u
uint32_t case_hash(uint32_t hash, const bench_case *c);

/* One line; 0 if it makes no case, its words in c->name all the same. */
int case_read(bench_case *c, const case_family *family, const char *line);

/* Cuts a line at its blanks, in place; what follows a '#' is a comment. */
int case_words(char *line, char **words);

size_t case_input_bytes(const case_input *input);

/* Notes an element that is off, the first of them. */
void expect(case_verdict *v, size_t at, double got, double want, double allowed);

void check_conv(const bench_case *c, const case_data *d, case_verdict *v);
void check_gemm(const bench_case *c, const case_data *d, case_verdict *v);
void check_elementwise(const bench_case *c, const case_data *d, case_verdict *v);
void check_reduce(const bench_case *c, const case_data *d, case_verdict *v);
void check_softmax(const bench_case *c, const case_data *d, case_verdict *v);
void check_loss(const bench_case *c, const case_data *d, case_verdict *v);
void check_optimizer(const bench_case *c, const case_data *d, case_verdict *v);
void check_mask(const bench_case *c, const case_data *d, case_verdict *v);

#endif
