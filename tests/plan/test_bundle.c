/* test_bundle.c -- what a device takes of a packed file's bundle: choices as a first guess,
 * programs only of its very own and only where it trusts.  The bytes are
 * tests/io/test_bundle_file.c's. */
#include <string.h>

#include "base/alloc.h"
#include "check.h"
#include "device/tuning.h"
#include "io/bundle.h"
#include "kerf/kerf.h"
#include "packed_network.h"

typedef struct net {
    kerf_device *dev;
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
} net;

/* A network of the file's, planned and run once. */
static net open_net(file f, int trusts)
{
    const kerf_plan_options options = {.mode = KERF_EVALUATE, .batch = 1};
    static const float zeros[15];
    net n = {.dev = check_open_device()};
    kerf_device_trust_bundles(n.dev, trusts);
    CHECK_OK(kerf_model_parse(&n.g, &n.s, f.bytes, f.num, n.dev));
    CHECK_OK(kerf_plan_create(&n.p, n.g, n.s, &options));
    CHECK_OK(kerf_plan_feed(n.p, "input", zeros, sizeof zeros));
    CHECK_OK(kerf_plan_run(n.p));
    CHECK_OK(kerf_device_finish(n.dev));
    return n;
}

static void close_net(net *n)
{
    kerf_plan_destroy(n->p);
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
    kerf_device_close(n->dev);
}

/* The file, knowing this device. */
static file learn(file plain, kerf_bundle *b)
{
    char *choices;
    file f = {malloc(plain.num), plain.num};
    memcpy(f.bytes, plain.bytes, plain.num);
    net n = open_net(plain, 0);
    CHECK_OK(kerf_plan_choices(n.p, &choices));
    CHECK_OK(kerf_bundle_set_device(b, n.dev, choices));
    CHECK_OK(kerf_bundle_attach(b, &f.bytes, &f.num));
    free(choices);
    close_net(&n);
    return f;
}

static file attach(file plain, const kerf_bundle *b)
{
    file f = {malloc(plain.num), plain.num};
    memcpy(f.bytes, plain.bytes, plain.num);
    CHECK_OK(kerf_bundle_attach(b, &f.bytes, &f.num));
    return f;
}

static int num_loaded(file f, int trusts)
{
    net n = open_net(f, trusts);
    const kerf_device_builds builds = kerf_device_get_builds(n.dev);
    close_net(&n);
    CHECK(builds.num_loaded + builds.num_compiled > 0);
    CHECK(builds.num_loaded == 0 || builds.num_compiled == 0);
    return builds.num_loaded;
}

static void set_text(kerf_bundle *b, int which, const char *text)
{
    free(b->devices[0].texts[which]);
    b->devices[0].texts[which] = kerf__strdup(text);
}

/* Programs of this device, for this device, from hands that are trusted; else it compiles. */
static void test_programs(file plain)
{
    kerf_bundle *b;
    CHECK_OK(kerf__bundle_create(&b));
    file f = learn(plain, b);
    const size_t num = kerf_bundle_get_device(b, 0).num_programs;
    CHECK(num_loaded(plain, 1) == 0 && num_loaded(f, 0) == 0);
    CHECK((size_t)num_loaded(f, 1) == num); /* 0 on a simulator, which gives none out */
    free(f.bytes);
    set_text(b, KERF__BUNDLE_VERSION, "0.0.0");
    f = attach(plain, b);
    CHECK(num_loaded(f, 1) == 0);
    free(f.bytes);
    set_text(b, KERF__BUNDLE_VERSION, kerf_version());
    set_text(b, KERF__BUNDLE_ID, "another");
    f = attach(plain, b);
    CHECK(num_loaded(f, 1) == 0);
    free(f.bytes);
    kerf_bundle_destroy(b);
}

/* One changed byte of each program: it is compiled. */
static void test_damaged_programs(file plain)
{
    kerf_bundle *b;
    CHECK_OK(kerf__bundle_create(&b));
    file f = learn(plain, b);
    free(f.bytes);
    for (size_t i = 0; i < b->devices[0].num_programs; i++)
        b->devices[0].programs[i].at[b->devices[0].programs[i].num - 1] ^= 1;
    f = attach(plain, b);
    CHECK(num_loaded(f, 1) == 0);
    free(f.bytes);
    for (size_t i = 0; i < b->devices[0].num_programs; i++)
        b->devices[0].programs[i].num = i; /* cut */
    f = attach(plain, b);
    CHECK(num_loaded(f, 1) == 0);
    free(f.bytes);
    kerf_bundle_destroy(b);
}

static const char *choice_after(file f, const char *which, const char *measured)
{
    static char text[64];
    kerf_graph *g;
    kerf_state *s;
    kerf_device *dev = check_open_device();
    if (measured != NULL)
        CHECK_OK(kerf__tuning_set(dev, which, measured, 1));
    CHECK_OK(kerf_model_parse(&g, &s, f.bytes, f.num, dev));
    const char *found = kerf__tuning_find(dev, which);
    snprintf(text, sizeof text, "%s", found != NULL ? found : "");
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    kerf_device_close(dev);
    return text;
}

static void put(kerf_bundle *b, kerf_device *dev, const char *choices)
{
    CHECK_OK(kerf_bundle_set_device(b, dev, choices));
}

/* Measured here, then of this device, then of its family, and nothing of others. */
static void test_choices(file plain)
{
    kerf_bundle *b;
    kerf_device *dev = check_open_device();
    CHECK_OK(kerf__bundle_create(&b));
    put(b, dev, "{\"case\": \"family\", \"other case\": \"family too\"}");
    set_text(b, KERF__BUNDLE_ID, "another");
    put(b, dev, "{\"case\": \"own\"}");
    CHECK(kerf_bundle_num_devices(b) == 2);
    put(b, dev, "{\"case\": \"own again\"}");
    CHECK(kerf_bundle_num_devices(b) == 2);
    file f = attach(plain, b);
    CHECK(strcmp(choice_after(f, "case", NULL), "own again") == 0);
    CHECK(strcmp(choice_after(f, "case", "measured"), "measured") == 0);
    CHECK(strcmp(choice_after(f, "other case", NULL), "family too") == 0);
    free(f.bytes);
    set_text(b, KERF__BUNDLE_PROFILE, "no such family");
    f = attach(plain, b);
    CHECK(strcmp(choice_after(f, "other case", NULL), "") == 0);
    free(f.bytes);
    CHECK_STATUS(KERF_ERR_FORMAT, kerf_bundle_set_device(b, dev, "[1]"));
    CHECK_STATUS(KERF_ERR_FORMAT, kerf_bundle_set_device(b, dev, "{\"case\": 1}"));
    CHECK(kerf_bundle_num_devices(b) == 2);
    kerf_bundle_destroy(b);
    kerf_device_close(dev);
}

/* A guess that this device does not have is passed over, and offers are never saved as measured. */
static void test_foreign_choices(file plain)
{
    char *choices, *bad = NULL;
    kerf_bundle *b;
    net n = open_net(plain, 0);
    CHECK_OK(kerf_plan_choices(n.p, &choices));
    const char *which = strchr(choices, '"') + 1; /* of the first line */
    bad = malloc(strlen(choices) + 64);
    sprintf(bad, "{\"%.*s\": \"no_such_kernel\"}", (int)strcspn(which, "\""), which);
    CHECK_OK(kerf__bundle_create(&b));
    put(b, n.dev, bad);
    close_net(&n);
    file f = attach(plain, b);
    n = open_net(f, 1);
    char *again;
    CHECK_OK(kerf_plan_choices(n.p, &again));
    CHECK(strcmp(again, choices) == 0);
    close_net(&n);
    free(again);
    free(bad);
    free(choices);
    free(f.bytes);
    kerf_bundle_destroy(b);
}

int main(void)
{
    CHECK_OK(kerf_set_cache_dir("")); /* nothing but the bundle is kept */
    file plain = packed_network();
    test_choices(plain);
    test_programs(plain);
    test_damaged_programs(plain);
    test_foreign_choices(plain);
    free(plain.bytes);
    return check_result();
}
