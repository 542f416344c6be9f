/* test_einsum.c -- Einsum, which a plan says by other nodes, against loops over all its letters. */
#include "naive.h"
#include "op_check.h"
#include "plan/plan_internal.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MOST = 1 << 12 };
static kerf_device *dev;

/* How long a dimension is, by its letter. */
static int64_t size_of(char letter)
{
    return letter % 4 + 2;
}

typedef struct term {
    char letters[16];
    kerf_shape shape;
    float data[MOST];
} term;

/* "ij,jk->ik" into operands and, last, the result. */
static int parse(const char *equation, term *terms)
{
    int num = 0;
    memset(terms, 0, 4 * sizeof *terms);
    for (; *equation != '\0'; equation++) {
        term *t = &terms[num];
        if (*equation == ',' || *equation == '>')
            num++;
        else if (*equation != '-' && *equation != ' ') {
            t->letters[t->shape.rank] = *equation;
            t->shape.dims[t->shape.rank++] = size_of(*equation);
        }
    }
    return num;
}

static int64_t position(const term *t, const int64_t *at)
{
    int64_t i = 0;
    for (const char *c = t->letters; *c != '\0'; c++)
        i = i * size_of(*c) + at[(unsigned char)*c];
    return i;
}

/* The definition: the product of all operands, summed over what the result does not have. */
static void reference(const term *terms, int num, double *want)
{
    char letters[64] = "";
    int64_t at[128] = {0}, all = 1;
    size_t num_letters = 0;
    for (int i = 0; i < num; i++)
        for (const char *c = terms[i].letters; *c != '\0'; c++)
            if (strchr(letters, *c) == NULL) {
                letters[num_letters++] = *c;
                all *= size_of(*c);
            }
    for (int64_t i = 0; i < all; i++) {
        int64_t rest = i;
        double product = 1;
        for (size_t k = 0; k < num_letters; rest /= size_of(letters[k++]))
            at[(unsigned char)letters[k]] = rest % size_of(letters[k]);
        for (int k = 0; k < num; k++)
            product *= (double)terms[k].data[position(&terms[k], at)];
        want[position(&terms[num], at)] += product;
    }
}

static void check(const char *equation, const char *given)
{
    static term terms[4];
    static float got[MOST];
    static double want[MOST];
    kerf_graph *g;
    kerf_value *inputs[4];
    kerf_node *node;
    naive n = {0};
    const int num = parse(equation, terms);
    CHECK_OK(kerf_graph_create(&g));
    for (int i = 0; i < num; i++) {
        char name[16];
        snprintf(name, sizeof name, "in%d", i);
        op_check_fill(terms[i].data, (size_t)kerf_shape_num_elements(terms[i].shape),
                      7u + (unsigned)i);
        CHECK_OK(kerf_graph_add_input(g, name, KERF_F32, terms[i].shape, &inputs[i]));
    }
    CHECK_OK(kerf_graph_add_node(g, "Einsum", "e", inputs, num, 1, &node));
    CHECK_OK(kerf_node_set_string(node, "equation", given != NULL ? given : equation));
    kerf_value *out = node->outputs[0];
    CHECK_OK(kerf_graph_infer(g, 1));
    CHECK(kerf_shape_equal(out->shape, terms[num].shape));
    CHECK_OK(naive_create(&n, dev, g));
    for (int i = 0; i < num; i++)
        CHECK_OK(kerf_tensor_write(naive_tensor(&n, inputs[i]), terms[i].data));
    CHECK_OK(naive_run(&n));
    CHECK_OK(kerf_tensor_read(naive_tensor(&n, out), got));
    memset(want, 0, sizeof want);
    reference(terms, num, want);
    check_close(equation, got, want, (size_t)kerf_shape_num_elements(terms[num].shape),
                check_tolerance(8, 100));
    naive_destroy(&n);
    kerf_graph_destroy(g);
}

static void test_equations(void)
{
    static const char *const EQUATIONS[] = {
        "ij->ji",          "ij->i",           "ij->",      "i->i",
        "i,i->",           "i,j->ij",         "ij,jk->ik", "bij,bjk->bik",
        "bqhd,bkhd->bhqk", "bhqk,bkhd->bqhd", "ij,kj->ki", "ij,j->i",
        "ijk,jk->i",       "ij,ij->ij",       "ij,kl->",   "abc,cd,de->abe",
        "ab,ac,ad->bcd",   "abcd,bd->ac",
    };
    for (size_t i = 0; i < LENGTH(EQUATIONS); i++)
        check(EQUATIONS[i], NULL);
    check("ij,jk->ik", "ij, jk"); /* what is not said comes out sorted */
    check("ba->ab", "ba");
}

static void check_refused(const char *equation, kerf_status status, const char *words)
{
    kerf_graph *g;
    kerf_value *x;
    kerf_node *node;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(3, 3), &x));
    CHECK_OK(kerf_graph_add_node(g, "Einsum", "e", &x, 1, 1, &node));
    CHECK_OK(kerf_node_set_string(node, "equation", equation));
    CHECK_STATUS(status, kerf_graph_infer(g, 1));
    CHECK(strstr(kerf_last_error(), words) != NULL);
    kerf_graph_destroy(g);
}

static void test_what_is_refused(void)
{
    check_refused("ii->i", KERF_ERR_UNSUPPORTED, "Einsum e: equation 'ii->i' has a letter twice");
    check_refused("...ij->...ji", KERF_ERR_UNSUPPORTED, "has an ellipsis, must be letters");
    check_refused("i1->i", KERF_ERR_UNSUPPORTED, "has other signs");
    check_refused("ij->ik", KERF_ERR_UNSUPPORTED, "gives a letter that no operand has");
    check_refused("abcdefghi->a", KERF_ERR_UNSUPPORTED, "more than 8 letters");
    check_refused("ij,jk->ik", KERF_ERR_SHAPE, "has 1 inputs, its equation has 2");
    check_refused("ij->i->j", KERF_ERR_UNSUPPORTED, "has other signs");
    check_refused("ijk->i", KERF_ERR_SHAPE, "e");
}

int main(void)
{
    dev = check_open_device();
    test_equations();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
