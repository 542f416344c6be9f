/* test_known.c -- the committed choices: which line counts, what stands above and below them,
 * and that the file in the tree is of the form it describes. */
#include <fnmatch.h>
#include <string.h>

#include "base/file.h"
#include "check.h"
#include "device/tuning.h"
#include "plan/plan_internal.h"

/* In the place of the library's table: the linker takes it from there only if nobody else
 * has it.  One line a device can build, behind others that it cannot. */
const unsigned char kerf__known_choices[] = "device\t*\tno such device\t*\n"
                                            "Relu*\telementwise_any_simt\t1\n"
                                            "device\t*\t*\t*\n"
                                            "Relu *(9,9)*\telementwise_simt\t1\n"
                                            "Relu*\tabacus/3\t1\n"
                                            "Relu*\telementwise_any_simt\t1\n"
                                            "Relu*\telementwise_simt\t1\n";

static const kerf_device_info INFO = {
    .name = "Mali-G78", .profile = "mali", .features = {.vector_floats = 1}};

static void expect(const char *text, const char *which, const char *want)
{
    kerf__known k = {.at = text};
    const int found = kerf__known_next(&k, &INFO, which);
    const int good = want == NULL ? !found : found && strcmp(k.choice, want) == 0;
    if (!good)
        printf("%s: %s, must be %s\n", which, found ? k.choice : "nothing",
               want ? want : "nothing");
    CHECK(good);
}

static void test_lines(void)
{
    static const char text[] = "Relu*\tbefore_any_device\t1\n"
                               "device\tmali\tMali-T*\t1\nRelu*\tmidgard\t1\n"
                               "device\tmali\tMali-G[67]*\t16\nRelu*\twide\t1\n"
                               "device\tamd*\t*\t1\nRelu*\tamd\t1\n"
                               "device\tmal?\tMali-G[67]*\t1\n"
                               "# Relu*\tcomment\t1\n"
                               "Relu*\tno time\n"
                               "Relu*\tone\ttoo\tmany\n"
                               "Relu float32(*,10)*\tten\t1\n"
                               "Relu*\tother\t1\n"
                               "Sum*\tlast\t1";
    expect(text, "Relu float32(3,10) > float32(3,10)", "ten");
    expect(text, "Relu float32(3,100) > float32(3,100)", "other");
    expect(text, "Sum float32(4) > float32(1)", "last"); /* no line break behind it */
    expect(text, "Gemm float32(4) > float32(1)", NULL);
    expect("", "Relu", NULL);
}

/* What is longer than any line has to be, cut nowhere and read nowhere. */
static void test_long_lines(void)
{
    static char text[2000];
    const int head = snprintf(text, sizeof text, "device\t*\t*\t*\nRelu*\t");
    memset(text + head, 'a', 600);
    snprintf(text + head + 600, 100, "\t1\nRelu*\tgood\t1\n");
    expect(text, "Relu", "good");
    memcpy(text + head + 70, "\t1\nRelu*\tgood\t1\n", 17); /* a choice of 70 letters */
    expect(text, "Relu", "good");
}

static void expect_plan(const kerf_graph *g, kerf_state *s, kerf_plan_options options,
                        const char *want)
{
    kerf_plan *p;
    options.batch = 1;
    CHECK_OK(kerf_plan_create(&p, g, s, &options));
    if (p != NULL && strcmp(p->nodes[0].name, want) != 0)
        printf("chosen is %s, must be %s\n", p->nodes[0].name, want);
    CHECK(p != NULL && strcmp(p->nodes[0].name, want) == 0);
    kerf_plan_destroy(p);
}

/* A run's choices, then the store, then the table. */
static void test_order(kerf_device *dev)
{
    static const char which[] = "Relu float32(5,7) > float32(5,7)";
    static const char choices[] = "{\"Relu float32(5,7) > float32(5,7)\":\"elementwise_any_simt\"}";
    kerf_graph *g;
    kerf_state *s;
    kerf_value *x;
    kerf_node *relu;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_state_create(&s, dev));
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(5, 7), &x));
    CHECK_OK(kerf_graph_add_node(g, "Relu", "y", &x, 1, 1, &relu));
    CHECK_OK(kerf_graph_add_output(g, relu->outputs[0]));
    expect_plan(g, s, (kerf_plan_options){0}, "elementwise_any_simt");
    CHECK_OK(kerf__tuning_set(dev, which, "elementwise_simt", 1));
    expect_plan(g, s, (kerf_plan_options){0}, "elementwise_simt");
    expect_plan(g, s, (kerf_plan_options){.untuned = 1}, "elementwise_any_simt");
    expect_plan(g, s, (kerf_plan_options){.choices = choices}, "elementwise_any_simt");
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

/* ---- the file in the tree -------------------------------------------------------------- */

static int has_variant(const kerf__op *op, const char *choice)
{
    for (int v = 0; v < op->num_variants; v++) {
        const kerf__variant *variant = &op->variants[v];
        for (int i = 0; i < variant->num_candidates; i++)
            if (kerf__option_is_named((kerf__option){variant, &variant->candidates[i]}, choice))
                return 1;
        if (variant->num_candidates == 0 && strcmp(variant->name, choice) == 0)
            return 1;
    }
    return 0;
}

static int line_is_good(char *line, int *num_devices)
{
    char op[64], choice[64], rest[400], after;
    double ms;
    if (line[0] == '#' || line[0] == '\0')
        return 1;
    if (sscanf(line, "device\t%63[^\t]\t%399[^\t]\t%63[^\t\n]%c", choice, rest, op, &after) == 3)
        return ++*num_devices;
    return *num_devices > 0 &&
           sscanf(line, "%63[^ \t]%399[^\t]\t%63[^\t]\t%lf%c", op, rest, choice, &ms, &after) ==
               4 &&
           ms > 0 && kerf__op_find(op) != NULL && has_variant(kerf__op_find(op), choice);
}

static void test_committed(void)
{
    char path[1024], *text = NULL;
    size_t num_bytes = 0;
    int num_devices = 0;
    snprintf(path, sizeof path, "%s/lib/plan/known_choices.txt", getenv("KERF_TEST_SOURCE"));
    CHECK_OK(kerf__file_read(path, 0, (void **)&text, &num_bytes));
    for (char *line = text, *end; line != NULL && *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        CHECK(end != NULL && end - line < 400);
        if (end == NULL)
            break;
        *end = '\0';
        const int good = line_is_good(line, &num_devices);
        if (!good)
            printf("known_choices.txt: '%s' is not of the form, or names a choice that its "
                   "operation does not have\n",
                   line);
        CHECK(good);
    }
    CHECK(num_devices > 0);
    free(text);
}

int main(void)
{
    kerf_device *dev = check_open_device();
    test_lines();
    test_long_lines();
    test_order(dev);
    test_committed();
    kerf_device_close(dev);
    return check_result();
}
