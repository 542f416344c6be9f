/* test_costs.c -- costs of another device: what is predicted of networks by numbers that a hand can
 * add up, whose network they are, and files that lie. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "kerf/costs.h"
#include "kerf/nets.h"
#include "kerf/quantize.h"

typedef struct net {
    kerf_graph *g;
    kerf_state *s;
} net;

static net make_net(const char *name, double width)
{
    net n;
    CHECK_OK(
        kerf_net_create(&n.g, &n.s, name, &(kerf_net_options){.width = width, .seed = 1}, NULL));
    return n;
}

static void free_net(net *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

/* ---- a file ------------------------------------------------------------------------------------
 */

/* Of lenet-300-100: whole 10 ms, of which fc1 6, fc2 2, fc3 1 and the rest 1.  Half of the weights:
 * fc1 4; a tenth of fc1's multiply-adds: 1; weights of 8 bits: fc1 3, the rest 2.  In halves 6 ms:
 * fc1 3, of half its weights 2, of 8 bits 3.5; fc2 1, fc3 0.5; the rest 1.5, with bytes 2. */
static const char TEXT[] =
    "{\"schema\":1,\"kerf\":\"%s\",\"device\":\"phone\",\"id\":\"1\",\"driver\":\"d\","
    "\"structure\":\"%s\",\"points\":["
    "{\"density\":1,\"channels\":1,\"bits\":32,\"mode\":\"float\",\"precision\":\"f32\",\"ms\":10,"
    "\"rest_ms\":1},"
    "{\"density\":0.5,\"channels\":1,\"bits\":32,\"mode\":\"float\",\"precision\":\"f32\",\"ms\":8,"
    "\"rest_ms\":1},"
    "{\"density\":1,\"channels\":0.5,\"bits\":32,\"mode\":\"float\",\"precision\":\"f32\",\"ms\":4."
    "5,\"rest_ms\":0.5},"
    "{\"density\":1,\"channels\":1,\"bits\":8,\"mode\":\"weight-only\",\"precision\":\"f32\","
    "\"ms\":8,\"rest_ms\":2},"
    "{\"density\":1,\"channels\":1,\"bits\":32,\"mode\":\"float\",\"precision\":\"f16\",\"ms\":6,"
    "\"rest_ms\":1.5},"
    "{\"density\":0.5,\"channels\":1,\"bits\":32,\"mode\":\"float\",\"precision\":\"f16\",\"ms\":5,"
    "\"rest_ms\":1.5},"
    "{\"density\":1,\"channels\":1,\"bits\":8,\"mode\":\"weight-only\",\"precision\":\"f16\","
    "\"ms\":7,\"rest_ms\":2}],"
    "\"layers\":["
    "{\"name\":\"fc1\",\"op\":\"Gemm\",\"shape\":[300,784],\"points\":["
    "{\"density\":1,\"macs\":1,\"ms\":6},{\"density\":0.5,\"macs\":1,\"ms\":4},"
    "{\"density\":1,\"macs\":0.5,\"ms\":3},{\"density\":1,\"macs\":1,\"ms\":3},"
    "{\"density\":1,\"macs\":1,\"ms\":3},{\"density\":0.5,\"macs\":1,\"ms\":2},"
    "{\"density\":1,\"macs\":1,\"ms\":3.5}]},"
    "{\"name\":\"fc2\",\"op\":\"Gemm\",\"shape\":[100,300],\"points\":["
    "{\"density\":1,\"macs\":1,\"ms\":2},{\"density\":0.5,\"macs\":1,\"ms\":2},"
    "{\"density\":1,\"macs\":0.25,\"ms\":0.5},{\"density\":1,\"macs\":1,\"ms\":2},"
    "{\"density\":1,\"macs\":1,\"ms\":1},{\"density\":0.5,\"macs\":1,\"ms\":1},"
    "{\"density\":1,\"macs\":1,\"ms\":1}]},"
    "{\"name\":\"fc3\",\"op\":\"Gemm\",\"shape\":[10,100],\"points\":["
    "{\"density\":1,\"macs\":1,\"ms\":1},{\"density\":0.5,\"macs\":1,\"ms\":1},"
    "{\"density\":1,\"macs\":0.5,\"ms\":0.5},{\"density\":1,\"macs\":1,\"ms\":1},"
    "{\"density\":1,\"macs\":1,\"ms\":0.5},{\"density\":0.5,\"macs\":1,\"ms\":0.5},"
    "{\"density\":1,\"macs\":1,\"ms\":0.5}]}]}";

/* The digest that a check names is the right one. */
static const char *structure(const net *n)
{
    static char digest[20];
    char text[8192];
    kerf_costs *c;
    snprintf(text, sizeof text, TEXT, kerf_version(), "none");
    CHECK_OK(kerf_costs_parse(&c, text));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_costs_check(c, n->g, n->s));
    const char *at = strstr(kerf_last_error(), "here ");
    snprintf(digest, sizeof digest, "%.16s", at != NULL ? at + 5 : "");
    CHECK(strlen(digest) == 16);
    kerf_costs_destroy(c);
    return digest;
}

static kerf_costs *parse(const char *digest)
{
    char text[8192];
    kerf_costs *c;
    snprintf(text, sizeof text, TEXT, kerf_version(), digest);
    CHECK_OK(kerf_costs_parse(&c, text));
    return c;
}

static void check_ms(const kerf_costs *c, const net *n, double want)
{
    double ms = NAN;
    CHECK_OK(kerf_costs_predict(c, n->g, n->s, &ms));
    if (!(fabs(ms - want) < 1e-6)) {
        printf("predicted %g ms, not %g\n", ms, want);
        CHECK(0);
    }
}

/* ---- what is left ------------------------------------------------------------------------------
 */

static void zero_part(net *n, const char *weight, double density)
{
    const kerf_state_entry *e = kerf_state_find(n->s, weight);
    const size_t num = kerf_tensor_num_elements(e->tensor);
    float *x = calloc(num, sizeof *x);
    for (size_t i = 0; i < (size_t)(density * (double)num + 0.5); i++)
        x[i] = 1;
    CHECK_OK(kerf_state_write(n->s, e->id, x));
    free(x);
}

static void check_predictions(const kerf_costs *c)
{
    net n = make_net("lenet-300-100", 1), half = make_net("lenet-300-100", 0.5);
    check_ms(c, &n, 10);
    zero_part(&n, "fc1.weight", 0.75); /* between the points: 5 ms in the place of 6 */
    check_ms(c, &n, 9);
    zero_part(&n, "fc1.weight", 0.1); /* beyond the last: as there */
    check_ms(c, &n, 8);
    /* (150, 784), (50, 150), (10, 50): 3 + 0.5 + 0.5, and the rest 0.5 as at that point. */
    check_ms(c, &half, 4.5);
    free_net(&n);
    free_net(&half);
}

static void check_integers(const kerf_costs *c)
{
    net n = make_net("lenet-300-100", 1);
    double ms;
    kerf_quantize_options q = kerf_quantize_defaults(KERF_QUANTIZE_WEIGHT_ONLY);
    static const char *const WEIGHTS[] = {"fc1.weight", "fc2.weight", "fc3.weight"};
    for (size_t i = 0; i < 3; i++) /* of which rounding makes no zeros */
        zero_part(&n, WEIGHTS[i], 1);
    CHECK_OK(kerf_quantize(n.g, n.s, &q));
    check_ms(c, &n, 3 + 2 + 1 + 2);
    free_net(&n);
    n = make_net("lenet-300-100", 1);
    q.weights = KERF_S4;
    CHECK_OK(kerf_quantize(n.g, n.s, &q));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_costs_predict(c, n.g, n.s, &ms));
    CHECK(strcmp(kerf_last_error(), "costs: nothing was measured of weight-only with 4 bits in "
                                    "f32 on phone, as fc1_product has them") == 0);
    free_net(&n);
}

/* ---- halves ------------------------------------------------------------------------------------
 */

static void check_halves(kerf_costs *c)
{
    net n = make_net("lenet-300-100", 1);
    kerf_quantize_options q = kerf_quantize_defaults(KERF_QUANTIZE_WEIGHT_ONLY);
    CHECK_OK(kerf_costs_set_precision(c, KERF_PRECISION_F16));
    check_ms(c, &n, 6);
    zero_part(&n, "fc1.weight", 0.75);
    check_ms(c, &n, 5.5);
    zero_part(&n, "fc1.weight", 1);
    q.weights = KERF_F16; /* is what floats become there */
    CHECK_OK(kerf_quantize(n.g, n.s, &q));
    check_ms(c, &n, 6);
    free_net(&n);
    n = make_net("lenet-300-100", 1);
    static const char *const WEIGHTS[] = {"fc1.weight", "fc2.weight", "fc3.weight"};
    for (size_t i = 0; i < 3; i++)
        zero_part(&n, WEIGHTS[i], 1);
    q.weights = KERF_S8;
    CHECK_OK(kerf_quantize(n.g, n.s, &q));
    check_ms(c, &n, 3.5 + 1 + 0.5 + 2);
    free_net(&n);
    CHECK_OK(kerf_costs_set_precision(c, KERF_PRECISION_F32));
}

/* A file of a device that was asked for floats alone. */
static void check_no_halves(void)
{
    char text[8192], *at;
    kerf_costs *c;
    snprintf(text, sizeof text, TEXT, kerf_version(), "0");
    while ((at = strstr(text, "\"f16\"")) != NULL)
        memcpy(at, "\"f32\"", 5);
    CHECK_OK(kerf_costs_parse(&c, text));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_costs_set_precision(c, KERF_PRECISION_F16));
    CHECK(strcmp(kerf_last_error(), "costs: nothing was measured in f16 on phone; must be a "
                                    "precision that was") == 0);
    kerf_costs_destroy(c);
}

/* ---- whose they are ----------------------------------------------------------------------------
 */

static void check_other(const kerf_costs *c, const char *name, double width, const char *why)
{
    net n = make_net(name, width);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_costs_check(c, n.g, n.s));
    if (strcmp(kerf_last_error(), why) != 0) {
        printf("'%s' is not '%s'\n", kerf_last_error(), why);
        CHECK(0);
    }
    free_net(&n);
}

static void check_owner(const kerf_costs *c)
{
    net n = make_net("lenet-300-100", 1);
    CHECK_OK(kerf_costs_check(c, n.g, n.s));
    free_net(&n);
    check_other(c, "lenet-5", 1,
                "costs: are of another network: fc1 is Gemm (300, 784) there and Gemm (500, 800) "
                "here; must be measured of this one");
    check_other(c, "lenet-300-100", 0.5,
                "costs: are of another network: fc1 is Gemm (300, 784) there and Gemm (150, 784) "
                "here; must be measured of this one");
}

/* ---- files that lie ----------------------------------------------------------------------------
 */

/* What stands first for `was` becomes `is`. */
static void check_bad(const char *was, const char *is, const char *why)
{
    char text[8192], bad[16384];
    kerf_costs *c = (kerf_costs *)1;
    snprintf(text, sizeof text, TEXT, kerf_version(), "0");
    const char *at = strstr(text, was);
    CHECK(at != NULL);
    if (at == NULL)
        return;
    snprintf(bad, sizeof bad, "%.*s%s%s", (int)(at - text), text, is, at + strlen(was));
    CHECK_STATUS(KERF_ERR_FORMAT, kerf_costs_parse(&c, bad));
    CHECK(c == NULL);
    if (strstr(kerf_last_error(), why) == NULL) {
        printf("'%s' does not say '%s'\n", kerf_last_error(), why);
        CHECK(0);
    }
}

static void check_lies(void)
{
    check_bad("{\"schema\":1", "", "costs: line 1 is no JSON");
    check_bad("\"schema\":1", "\"schema\":2", "must be what `kerf bench M --costs -o FILE` writes");
    check_bad("\"points\"", "\"pints\"", "must be what `kerf bench M --costs -o FILE` writes");
    check_bad(kerf_version(), "0.0", "were measured by kerf 0.0, must be by this version");
    check_bad("\"device\":\"phone\"", "\"device\":7", "'device' must be a text");
    check_bad("\"ms\":10", "\"ms\":-1", "point 0: 'ms' is out of range, must be a number above 0");
    check_bad("\"ms\":10", "\"ms\":1e300", "point 0: 'ms' is out of range");
    check_bad("\"ms\":10", "\"ms\":null", "point 0: 'ms' is out of range");
    check_bad("\"ms\":10,", "", "point 0: 'ms' is missing");
    check_bad("\"density\":1,", "\"density\":0.5,", "point 0 must be of the whole network");
    check_bad("\"density\":0.5,", "\"density\":1.5,", "point 1: 'density' is out of range");
    check_bad("\"mode\":\"weight-only\"", "\"mode\":\"weight-only-and-much-more\"",
              "point 3: 'mode' must be");
    check_bad("\"precision\":\"f32\",", "", "point 0: 'precision' must be f32 or f16");
    check_bad("\"precision\":\"f32\"", "\"precision\":\"f64\"",
              "point 0: 'precision' must be f32 or f16");
    check_bad("\"precision\":\"f32\"", "\"precision\":\"f16\"",
              "point 0 must be of the whole network");
    check_bad("\"name\":\"fc2\"", "\"name\":\"fc1\"", "layer fc1 stands there twice");
    check_bad("[300,784]", "[300,-784]", "layer fc1: 'shape' must be");
    check_bad("[300,784]", "[1,1,1,1,1,1,1,1,1]", "layer fc1: 'shape' must be");
    check_bad("[300,784]", "[4294967296,4294967296]", "layer fc1: 'shape' must be");
    check_bad("{\"density\":1,\"macs\":1,\"ms\":6},", "",
              "layer fc1 has 6 points, must have all 7");
    check_bad("\"ms\":6}", "\"ms\":-6}", "layer fc1, point 0: 'ms' is out of range");
    check_bad("\"layers\":[", "\"layers\":[],\"others\":[", "of 0 layers at 7 points");
}

/* What is written is what is read. */
static void check_again(const kerf_costs *c)
{
    char *first, *second;
    kerf_costs *again;
    CHECK_OK(kerf_costs_print(c, &first));
    CHECK_OK(kerf_costs_parse(&again, first));
    CHECK_OK(kerf_costs_print(again, &second));
    CHECK(strcmp(first, second) == 0);
    kerf_costs_destroy(again);
    free(first);
    free(second);
}

int main(void)
{
    net n = make_net("lenet-300-100", 1);
    kerf_costs *c = parse(structure(&n));
    check_predictions(c);
    check_integers(c);
    check_halves(c);
    check_no_halves();
    check_owner(c);
    check_again(c);
    check_lies();
    kerf_costs_destroy(c);
    free_net(&n);
    return check_result();
}
