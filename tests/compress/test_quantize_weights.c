/* test_quantize_weights.c -- weights alone are rounded, to 8, 4 and 2 bits or float16: a network
 * computes as one of floats with the rounded numbers does. */
#include "sample_network.h"

static kerf_device *dev;

/* Puts what the integers of `n` stand for into the weights of the float network `f`. */
static void copy_numbers(const network *n, const network *f, kerf_quantize_per per, size_t block)
{
    float conv[CHANNELS * 9], fc[CLASSES * FLAT];
    for (size_t i = 0; i < CHANNELS * 9; i++)
        conv[i] = number_of(n, "conv.weight", i, per == KERF_PER_TENSOR ? 0 : i / 9);
    for (size_t c = 0; c < CLASSES; c++)
        for (size_t t = 0; t < FLAT; t++) {
            const size_t scales[] = {0, c, t / block * CLASSES + c};
            fc[c * FLAT + t] = number_of(n, "fc.weight", t * CLASSES + c, scales[per]);
        }
    CHECK_OK(kerf_state_write(f->s, kerf_state_find(f->s, "conv.weight")->id, conv));
    CHECK_OK(kerf_state_write(f->s, kerf_state_find(f->s, "fc.weight")->id, fc));
}

/* The file's integers are read as they were written, and lie at most half a step off. */
static void check_weight_only(const kerf_quantize_options *o)
{
    double want[NUM_OUTPUTS];
    float got[NUM_OUTPUTS], was[CLASSES * FLAT], is[CLASSES * FLAT];
    network n = sample_network(dev), f = sample_network(dev);
    const int id = kerf_state_find(n.s, "fc.weight")->id;
    kerf_state_destroy(f.s); /* f has the numbers of n */
    CHECK_OK(kerf_state_copy(&f.s, n.s, dev));
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(kerf_quantize_fold(f.g, f.s));
    CHECK_OK(kerf_state_read(n.s, id, was));
    CHECK_OK(kerf_quantize(n.g, n.s, o));
    check_ops(&n, "DequantizeLinear Conv Relu MaxPool Flatten DequantizeLinear MatMul Add");
    copy_numbers(&n, &f, o->per, (size_t)o->block);
    CHECK_OK(kerf_state_read(f.s, id, is));
    const float half = 0.51f / (float)((1 << (kerf_type_bits(o->weights) - 1)) - 1);
    for (int i = 0; i < CLASSES * FLAT; i++)
        CHECK(fabsf(is[i] - was[i]) <= half);
    sample_run_as_wanted(&f, want);
    sample_run(&n, got);
    /* The sums' terms are some ten times what is left of them. */
    check_close("weight-only", got, want, NUM_OUTPUTS, check_tolerance(16, FLAT));
    network_end(&n);
    network_end(&f);
}

static void test_weight_only(void)
{
    static const kerf_type TYPES[] = {KERF_S8, KERF_S4, KERF_S2};
    for (int i = 0; i < 3; i++)
        for (int per = KERF_PER_TENSOR; per <= KERF_PER_BLOCK; per++)
            for (int asymmetric = 0; asymmetric < 2; asymmetric++) {
                kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_WEIGHT_ONLY);
                o.weights = TYPES[i];
                o.per = (kerf_quantize_per)per;
                o.block = 16; /* 45 terms: the last block is smaller */
                o.asymmetric = asymmetric;
                check_weight_only(&o);
            }
}

/* Halves are as near as they can be, and the network computes with them. */
static void check_halves(const network *n, const network *f, const char *name, const char *of)
{
    enum { MOST = 1024 };
    float x[MOST];
    const kerf_tensor *t = kerf_graph_find(n->g, name)->constant;
    const uint16_t *halves = t->data;
    const int id = kerf_state_find(f->s, of)->id;
    CHECK(t->type == KERF_F16 && t->num_elements <= MOST);
    CHECK_OK(kerf_state_read(f->s, id, x));
    for (size_t i = 0; i < t->num_elements; i++) {
        const int exponent = halves[i] >> 10 & 31, fraction = halves[i] & 1023;
        const double size =
            exponent > 0 ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
        const double half = (halves[i] & 0x8000) != 0 ? -size : size;
        CHECK(fabs(half - (double)x[i]) <= fmax(ldexp(fabs((double)x[i]), -11), ldexp(1, -25)));
        x[i] = (float)half;
    }
    CHECK_OK(kerf_state_write(f->s, id, x));
}

static void test_halves(void)
{
    static const float STRANGE[] = {0.0f,  -0.0f,  65504.0f, -65519.0f,
                                    1e-7f, -3e-8f, 2e-8f,    6.2e-5f};
    double want[NUM_OUTPUTS];
    float got[NUM_OUTPUTS], x[CLASSES * FLAT];
    kerf_quantize_options o = kerf_quantize_defaults(KERF_QUANTIZE_WEIGHT_ONLY);
    network n = sample_network(dev), f = sample_network(dev);
    const int id = kerf_state_find(n.s, "fc.weight")->id;
    o.weights = KERF_F16;
    CHECK_OK(kerf_state_read(n.s, id, x));
    x[FLAT] = 65520; /* the first that has no half */
    CHECK_OK(kerf_state_write(n.s, id, x));
    CHECK(kerf_quantize(n.g, n.s, &o) == KERF_ERR_UNSUPPORTED);
    check_message("weight 45 of fc.weight is 65520, must be within 65504 for float16");
    network_end(&n);
    n = sample_network(dev);
    x[FLAT] = 1;
    memcpy(x, STRANGE, sizeof STRANGE);
    CHECK_OK(kerf_state_write(n.s, id, x));
    kerf_state_destroy(f.s);
    CHECK_OK(kerf_state_copy(&f.s, n.s, dev));
    CHECK_OK(kerf_quantize_fold(n.g, n.s));
    CHECK_OK(kerf_quantize_fold(f.g, f.s));
    CHECK_OK(kerf_quantize(n.g, n.s, &o));
    check_ops(&n, "Cast Conv Relu MaxPool Flatten Cast Gemm");
    check_halves(&n, &f, "conv.weight_f16", "conv.weight");
    check_halves(&n, &f, "fc.weight_f16", "fc.weight");
    sample_run_as_wanted(&f, want);
    sample_run(&n, got);
    check_close("float16", got, want, NUM_OUTPUTS, check_tolerance(16, FLAT));
    network_end(&n);
    network_end(&f);
}

int main(void)
{
    dev = check_open_device();
    test_weight_only();
    test_halves();
    kerf_device_close(dev);
    return check_result();
}
