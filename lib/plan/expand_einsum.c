/* plan/expand_einsum.c -- Einsum as the nodes it stands for: Transpose, Unsqueeze, MatMul or Mul,
 * ReduceSum, Squeeze.
 *
 * Operands are taken two by two, from the left.  A letter of a pair that nobody behind it asks for
 * is summed: before the product where one operand has it alone; in a MatMul where it is the one
 * that both have and each has no more than one letter of its own; else behind a Mul of all
 * letters, which is right for any equation and needs the memory of them.
 *
 * The letters tell how many dimensions there are, so shapes need not be known.  An ellipsis or
 * a letter twice in one operand is refused. */
#include <ctype.h>
#include <string.h>

#include "base/fail.h"
#include "plan/plan_internal.h"

enum { MOST_LETTERS = 64, MOST_OPERANDS = 32, UNIT = '1' }; /* UNIT: a dimension of 1 */

typedef struct operand {
    kerf_value *value;
    char letters[MOST_LETTERS];
} operand;

typedef struct einsum {
    kerf_node *n;
    int num;
    operand operands[MOST_OPERANDS];
    char result[MOST_LETTERS];
} einsum;

/* ---- letters ------------------------------------------------------------------------------- */

static int has(const char *letters, char c)
{
    return strchr(letters, c) != NULL;
}

static void append(char *letters, char c)
{
    const size_t length = strlen(letters);
    letters[length] = c;
    letters[length + 1] = '\0';
}

/* Adds the letters of `from` that are (wanted 1) or are not (0) in `other`, and are in `within`. */
static void add_letters(char *to, const char *from, const char *other, int wanted,
                        const char *within)
{
    for (; *from != '\0'; from++)
        if (has(other, *from) == wanted && has(within, *from) && !has(to, *from))
            append(to, *from);
}

/* ---- the equation ---------------------------------------------------------------------------- */

static kerf_status fail_equation(const kerf_node *n, const char *what)
{
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                           "equation '%s' %s, must be letters such as 'bij,bjk->bik', each once "
                           "in an operand",
                           kerf_node_string(n, "equation", ""), what);
}

/* What is not said comes out sorted: the letters that stand in the equation once. */
static void implicit_result(einsum *e)
{
    for (int c = 'A'; c <= 'z'; c++) {
        int times = 0;
        for (int i = 0; i < e->num && isalpha(c); i++)
            times += has(e->operands[i].letters, (char)c);
        if (times == 1)
            append(e->result, (char)c);
    }
}

static kerf_status add_letter(einsum *e, char *letters, char c)
{
    if (!isalpha((unsigned char)c) || has(letters, c))
        return fail_equation(e->n, c == '.'                    ? "has an ellipsis"
                                   : isalpha((unsigned char)c) ? "has a letter twice"
                                                               : "has other signs");
    if (strlen(letters) >= KERF_MAX_RANK)
        return fail_equation(e->n, "has more than 8 letters in an operand");
    append(letters, c);
    return KERF_OK;
}

static kerf_status parse(einsum *e)
{
    const char *at = kerf_node_string(e->n, "equation", "");
    int is_result = 0;
    e->num = 1;
    for (; *at != '\0'; at++) {
        if (*at == ' ')
            continue;
        if (*at == ',' && !is_result && e->num < MOST_OPERANDS) {
            e->num++;
        } else if (at[0] == '-' && at[1] == '>' && !is_result) {
            is_result = 1;
            at++;
        } else {
            KERF__TRY(add_letter(e, is_result ? e->result : e->operands[e->num - 1].letters, *at));
        }
    }
    if (e->num != e->n->num_inputs)
        return kerf__fail_node(KERF_ERR_SHAPE, e->n, "has %d inputs, its equation has %d",
                               e->n->num_inputs, e->num);
    if (!is_result)
        implicit_result(e);
    return KERF_OK;
}

/* Every letter of the result must stand in an operand. */
static kerf_status check_result(const einsum *e)
{
    for (const char *c = e->result; *c != '\0'; c++) {
        int found = 0;
        for (int i = 0; i < e->num; i++)
            found |= has(e->operands[i].letters, *c);
        if (!found)
            return fail_equation(e->n, "gives a letter that no operand has");
    }
    return KERF_OK;
}

/* ---- nodes on one operand -------------------------------------------------------------------- */

static kerf_status apply(einsum *e, const char *op, operand *a, const char *key,
                         const int64_t *numbers, int num)
{
    kerf_node *node;
    if (num == 0)
        return KERF_OK;
    KERF__TRY(kerf__plan_add_before(e->n, op, &a->value, 1, &node));
    KERF__TRY(kerf_node_set_ints(node, key, numbers, (size_t)num));
    if (strcmp(op, "ReduceSum") == 0)
        KERF__TRY(kerf_node_set_int(node, "keepdims", 0));
    a->value = node->outputs[0];
    return KERF_OK;
}

/* By `op` all dimensions go whose letter is not (or, where `keep` is NULL, is a unit) to stay. */
static kerf_status drop(einsum *e, const char *op, operand *a, const char *keep)
{
    int64_t axes[MOST_LETTERS];
    char left[MOST_LETTERS] = "";
    int num = 0;
    for (int i = 0; a->letters[i] != '\0'; i++) {
        const int stays = keep != NULL ? has(keep, a->letters[i]) : a->letters[i] != UNIT;
        if (stays)
            append(left, a->letters[i]);
        else
            axes[num++] = i;
    }
    memcpy(a->letters, left, sizeof left);
    return apply(e, op, a, "axes", axes, num);
}

/* Dimensions in the order of `order`, with 1 for letters that are not there, and for units. */
static kerf_status arrange(einsum *e, operand *a, const char *order)
{
    int64_t perm[MOST_LETTERS], axes[MOST_LETTERS];
    int num = 0, num_axes = 0, moves = 0;
    for (int i = 0; order[i] != '\0'; i++) {
        const char *at = order[i] == UNIT ? NULL : strchr(a->letters, order[i]);
        if (at == NULL)
            axes[num_axes++] = i;
        else
            perm[num++] = at - a->letters;
    }
    for (int i = 0; i < num; i++)
        moves |= perm[i] != i;
    KERF__TRY(apply(e, "Transpose", a, "perm", perm, moves ? num : 0));
    KERF__TRY(apply(e, "Unsqueeze", a, "axes", axes, num_axes));
    memcpy(a->letters, order, strlen(order) + 1);
    return KERF_OK;
}

/* ---- pairs ----------------------------------------------------------------------------------- */

static kerf_status multiply(einsum *e, const char *op, operand *a, const operand *b)
{
    kerf_node *node;
    KERF__TRY(kerf__plan_add_before(e->n, op, (kerf_value *[]){a->value, b->value}, 2, &node));
    a->value = node->outputs[0];
    return KERF_OK;
}

/* `more` behind `letters`, with at least one dimension. */
static void append_one(char *letters, const char *more)
{
    append(letters, more[0] != '\0' ? more[0] : UNIT);
}

static kerf_status pair_by_matmul(einsum *e, operand *a, operand *b, const char *both,
                                  const char *own_a, const char *own_b, const char *summed)
{
    char order_a[MOST_LETTERS], order_b[MOST_LETTERS];
    memcpy(order_a, both, strlen(both) + 1);
    memcpy(order_b, both, strlen(both) + 1);
    append_one(order_a, own_a);
    append_one(order_a, summed);
    append_one(order_b, summed);
    append_one(order_b, own_b);
    KERF__TRY(arrange(e, a, order_a));
    KERF__TRY(arrange(e, b, order_b));
    KERF__TRY(multiply(e, "MatMul", a, b));
    a->letters[strlen(both) + 1] = '\0';
    append_one(a->letters, own_b);
    return drop(e, "Squeeze", a, NULL);
}

static kerf_status pair_by_product(einsum *e, operand *a, operand *b, const char *keep)
{
    char all[MOST_LETTERS] = "";
    add_letters(all, a->letters, "", 0, a->letters);
    add_letters(all, b->letters, "", 0, b->letters);
    if (strlen(all) > KERF_MAX_RANK)
        return fail_equation(e->n, "has more than 8 letters in two operands");
    KERF__TRY(arrange(e, a, all));
    KERF__TRY(arrange(e, b, all));
    KERF__TRY(multiply(e, "Mul", a, b));
    return drop(e, "ReduceSum", a, keep);
}

/* a takes b in; `keep` are the letters that are asked for behind. */
static kerf_status pair(einsum *e, operand *a, operand *b, const char *keep)
{
    char keep_a[3 * MOST_LETTERS] = "", keep_b[3 * MOST_LETTERS] = "";
    char both[MOST_LETTERS] = "", own_a[MOST_LETTERS] = "", own_b[MOST_LETTERS] = "";
    char shared[MOST_LETTERS] = "", summed[MOST_LETTERS] = "";
    add_letters(keep_a, keep, "", 0, keep);
    add_letters(keep_a, b->letters, "", 0, b->letters);
    add_letters(keep_b, keep, "", 0, keep);
    add_letters(keep_b, a->letters, "", 0, a->letters);
    KERF__TRY(drop(e, "ReduceSum", a, keep_a));
    KERF__TRY(drop(e, "ReduceSum", b, keep_b));
    add_letters(own_a, a->letters, b->letters, 0, a->letters);
    add_letters(own_b, b->letters, a->letters, 0, b->letters);
    add_letters(shared, a->letters, b->letters, 1, a->letters);
    add_letters(both, shared, keep, 1, shared);
    add_letters(summed, shared, keep, 0, shared);
    if (strlen(summed) == 1 && strlen(own_a) <= 1 && strlen(own_b) <= 1 &&
        strlen(both) + 2 <= KERF_MAX_RANK)
        return pair_by_matmul(e, a, b, both, own_a, own_b, summed);
    return pair_by_product(e, a, b, keep);
}

kerf_status kerf__expand_einsum(kerf_node *n)
{
    einsum e = {.n = n};
    KERF__TRY(parse(&e));
    KERF__TRY(check_result(&e));
    for (int i = 0; i < e.num; i++)
        e.operands[i].value = n->inputs[i];
    operand *all = &e.operands[0];
    for (int i = 1; i < e.num; i++) {
        char keep[MOST_OPERANDS * MOST_LETTERS] = "";
        add_letters(keep, e.result, "", 0, e.result);
        for (int k = i + 1; k < e.num; k++)
            add_letters(keep, e.operands[k].letters, "", 0, e.operands[k].letters);
        KERF__TRY(pair(&e, all, &e.operands[i], keep));
    }
    KERF__TRY(drop(&e, "ReduceSum", all, e.result));
    KERF__TRY(arrange(&e, all, e.result));
    n->inputs[0] = all->value;
    n->num_inputs = 1;
    kerf__node_remove_attribute(n, "equation");
    return kerf__node_set_op(n, "Identity");
}
