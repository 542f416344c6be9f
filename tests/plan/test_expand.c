/* test_expand.c -- operators of any number of inputs, which a plan says by pairs: what comes out,
 * and the gradient of each input. */
#include "op_check.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MOST_INPUTS = 5, LENGTH_OF_ROW = 7, NUM_ROWS = 3 };
static kerf_device *dev;
static const char *op; /* at hand: the node itself becomes another */
static int num_inputs;

static double together(double so_far, double x)
{
    if (strcmp(op, "Max") == 0)
        return fmax(so_far, x);
    return strcmp(op, "Min") == 0 ? fmin(so_far, x) : so_far + x;
}

/* All inputs are rows; the last is one number for each. */
static void reference(const kerf_node *n, const double *const *inputs, double *const *outputs)
{
    (void)n;
    for (int i = 0; i < NUM_ROWS * LENGTH_OF_ROW; i++) {
        double sum = num_inputs > 1 ? inputs[num_inputs - 1][i / LENGTH_OF_ROW] : inputs[0][i];
        for (int k = 0; k < num_inputs - 1; k++)
            sum = together(sum, inputs[k][i]);
        outputs[0][i] = strcmp(op, "Mean") == 0 ? sum / num_inputs : sum;
    }
}

static void check(void)
{
    op_check c;
    float x[NUM_ROWS * LENGTH_OF_ROW];
    op_check_begin(&c, dev);
    for (int i = 0; i < num_inputs; i++) {
        const int is_column = i > 0 && i == num_inputs - 1;
        op_check_fill(x, LENGTH(x), 3u + (unsigned)i);
        op_check_input(&c, KERF_F32, KERF_SHAPE(NUM_ROWS, is_column ? 1 : LENGTH_OF_ROW), x);
    }
    op_check_node(&c, op, 1);
    op_check_expanded(&c, reference, check_tolerance(2, MOST_INPUTS));
    op_check_gradient(&c, reference, check_tolerance(16, 20));
    op_check_end(&c);
}

/* What is largest twice shares what arrives, pair by pair. */
static void test_ties(void)
{
    static const float X[3][2] = {{1, 5}, {1, 4}, {1, 5}};
    static const float WANT[3][2] = {{0.25f, 0.5f}, {0.25f, 0}, {0.5f, 0.5f}};
    op_check c;
    op_check_begin(&c, dev);
    for (int i = 0; i < 3; i++)
        op_check_input(&c, KERF_F32, KERF_SHAPE(2), X[i]);
    op_check_node(&c, "Max", 1);
    CHECK_OK(kerf_graph_infer(c.graph, 1));
    op_check_gradient_is(&c, (const float *const[]){WANT[0], WANT[1], WANT[2]}, 0);
    op_check_end(&c);
}

int main(void)
{
    static const char *const OPS[] = {"Max", "Mean", "Min", "Sum"};
    dev = check_open_device();
    for (size_t i = 0; i < LENGTH(OPS); i++)
        for (num_inputs = 1; num_inputs <= MOST_INPUTS; num_inputs++) {
            op = OPS[i];
            check();
        }
    test_ties();
    kerf_device_close(dev);
    return check_result();
}
