/* test_einsum.c -- Einsum, which a plan says by other nodes, against loops over all its letters;
 * its gradients, those of these nodes, too. */
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
} term;

static term terms[5]; /* of the equation at hand: operands and, last, the result */
static int num_operands;

/* "ij,jk->ik" into its terms. */
static void parse(const char *equation)
{
    int num = 0;
    memset(terms, 0, sizeof terms);
    for (; *equation != '\0'; equation++) {
        term *t = &terms[num];
        if (*equation == ',' || *equation == '>')
            num++;
        else if (*equation != '-' && *equation != ' ') {
            t->letters[t->shape.rank] = *equation;
            t->shape.dims[t->shape.rank++] = size_of(*equation);
        }
    }
    num_operands = num;
}

static int64_t position(const term *t, const int64_t *at)
{
    int64_t i = 0;
    for (const char *c = t->letters; *c != '\0'; c++)
        i = i * size_of(*c) + at[(unsigned char)*c];
    return i;
}

/* All letters, once each; how many places they have together. */
static int64_t list_letters(char *letters)
{
    int64_t all = 1;
    for (int i = 0; i < num_operands; i++)
        for (const char *c = terms[i].letters; *c != '\0'; c++)
            if (strchr(letters, *c) == NULL) {
                letters[strlen(letters)] = *c;
                all *= size_of(*c);
            }
    return all;
}

/* The definition: the product of all operands, summed over what the result does not have. */
static void reference(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    char letters[64] = "";
    int64_t at[128] = {0};
    const int64_t all = list_letters(letters);
    memset(outputs[0], 0, op_check_elements(n->outputs[0]) * sizeof **outputs);
    for (int64_t i = 0; i < all; i++) {
        int64_t rest = i;
        double product = 1;
        for (const char *c = letters; *c != '\0'; rest /= size_of(*c++))
            at[(unsigned char)*c] = rest % size_of(*c);
        for (int k = 0; k < num_operands; k++)
            product *= inputs[k][position(&terms[k], at)];
        outputs[0][position(&terms[num_operands], at)] += product;
    }
}

static void check(const char *equation, const char *given)
{
    op_check c;
    float data[MOST];
    parse(equation);
    op_check_begin(&c, dev);
    for (int i = 0; i < num_operands; i++) {
        op_check_fill(data, (size_t)kerf_shape_num_elements(terms[i].shape), 7u + (unsigned)i);
        op_check_input(&c, KERF_F32, terms[i].shape, data);
    }
    op_check_node(&c, "Einsum", 1);
    CHECK_OK(kerf_node_set_string(c.node, "equation", given != NULL ? given : equation));
    op_check_expanded(&c, reference, check_tolerance(8, 100));
    CHECK(kerf_shape_equal(c.node->outputs[0]->shape, terms[num_operands].shape));
    op_check_gradient(&c, reference, check_tolerance(32, 200));
    op_check_end(&c);
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
