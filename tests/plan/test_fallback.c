/* test_fallback.c -- a driver refuses a kernel, or crashes in it: another takes the place, the
 * choices say so, and the next process does not ask for the first again.
 *
 * The driver is stub_icd.c; each case is a child process, with what an earlier one left in the
 * cache folder unless it begins afresh. */
#include <signal.h>

#include "device/stub.h"
#include "plan/plan_internal.h"

enum { N = 64 }; /* for which gemm_wide is guessed with vectors of 4 floats, too */

static stub_folder folder;
static const char *choices; /* of the next child's plan; NULL: none */

typedef struct net {
    kerf_device *dev;
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
} net;

/* y = softmax(a b) b: the kernel that is refused first has launches behind it. */
static kerf_status begin(net *n)
{
    kerf_value *a, *b;
    kerf_node *node;
    char spec[16];
    snprintf(spec, sizeof spec, "%d", stub_find(1));
    *n = (net){0};
    CHECK_OK(kerf_device_open(&n->dev, spec));
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, n->dev));
    CHECK_OK(kerf_graph_add_input(n->g, "a", KERF_F32, KERF_SHAPE(N, N), &a));
    CHECK_OK(kerf_graph_add_input(n->g, "b", KERF_F32, KERF_SHAPE(N, N), &b));
    CHECK_OK(kerf_graph_add_node(n->g, "Gemm", "first", (kerf_value *[]){a, b}, 2, 1, &node));
    CHECK_OK(kerf_graph_add_node(n->g, "Softmax", "middle", node->outputs, 1, 1, &node));
    CHECK_OK(kerf_graph_add_node(n->g, "Gemm", "last", (kerf_value *[]){node->outputs[0], b}, 2, 1,
                                 &node));
    CHECK_OK(kerf_graph_add_output(n->g, node->outputs[0]));
    return kerf_plan_create(&n->p, n->g, n->s,
                            &(kerf_plan_options){.batch = 1, .choices = choices});
}

static void end(net *n)
{
    kerf_plan_destroy(n->p);
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
    kerf_device_close(n->dev);
}

/* With a = 0 each softmax is 1/N, and with b = 1 each result is 1. */
static kerf_status run(const net *n)
{
    float zeros[N * N] = {0}, ones[N * N], y[N * N];
    int wrong = 0;
    for (int i = 0; i < N * N; i++)
        ones[i] = 1;
    CHECK_OK(kerf_tensor_write(kerf_plan_input(n->p, "a"), zeros));
    CHECK_OK(kerf_tensor_write(kerf_plan_input(n->p, "b"), ones));
    KERF__TRY(kerf_plan_run(n->p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(n->p, n->p->outputs.items[0].name), y));
    for (int i = 0; i < N * N; i++)
        wrong += fabsf(y[i] - 1) > 1e-5f;
    CHECK(wrong == 0);
    return KERF_OK;
}

static int chose(const net *n, const char *kernel)
{
    char *text = NULL;
    CHECK_OK(kerf_plan_choices(n->p, &text));
    const int found = text != NULL && strstr(text, kernel) != NULL;
    free(text);
    return found;
}

/* ---- what children do ---------------------------------------------------------------- */

static void takes_wide(const void *unused)
{
    net n;
    (void)unused;
    CHECK_OK(begin(&n));
    CHECK_OK(run(&n));
    CHECK(chose(&n, "gemm_wide"));
    CHECK(strcmp(kerf_device_notes(n.dev), "") == 0);
    end(&n);
}

/* `why` stands in the note; the choices are true once the plan has run. */
static void takes_another(const void *why)
{
    net n;
    double ms;
    CHECK_OK(begin(&n));
    CHECK_OK(run(&n));
    CHECK_OK(run(&n));
    CHECK(!chose(&n, "gemm_wide") && chose(&n, "gemm_"));
    for (int i = 0; i < kerf_plan_num_steps(n.p); i++)
        CHECK_OK(kerf_plan_time_step(n.p, i, 1, &ms));
    const char *notes = kerf_device_notes(n.dev),
               *note = strstr(notes, "takes the place of gemm_wide");
    if (note == NULL || strstr(notes, why) == NULL)
        printf("'%s' does not say '%s'\n", notes, (const char *)why);
    CHECK(note != NULL && strstr(notes, why) != NULL);
    end(&n);
}

static void on_abort(int number)
{
    (void)kerf_device_crashed();
    signal(number, SIG_DFL);
    raise(number);
}

static void crashes(const void *unused)
{
    net n;
    (void)unused;
    CHECK_OK(begin(&n));
    signal(SIGABRT, on_abort);
    kerf_status status = run(&n);
    (void)status;
}

/* The crash was in one candidate; others of its kernel may take the place. */
static void avoids(const void *candidate)
{
    net n;
    CHECK_OK(begin(&n));
    CHECK_OK(run(&n));
    CHECK(!chose(&n, candidate));
    CHECK(strstr(kerf_device_notes(n.dev), "the process ended when stub device built or") != NULL);
    end(&n);
}

static void cannot_plan(const void *words)
{
    net n;
    CHECK_STATUS(KERF_ERR_UNSUPPORTED, begin(&n));
    CHECK(n.p == NULL && strstr(kerf_last_error(), words) != NULL);
    end(&n);
}

static void cannot_run(const void *words)
{
    net n;
    CHECK_OK(begin(&n));
    CHECK_STATUS(KERF_ERR_UNSUPPORTED, run(&n));
    CHECK(strstr(kerf_last_error(), words) != NULL);
    end(&n);
}

/* ---- cases --------------------------------------------------------------------------- */

static void forget(const char *what)
{
    char command[1024];
    snprintf(command, sizeof command, "rm -rf %s/%s %s/programs", folder.cache, what, folder.cache);
    CHECK(system(command) == 0);
    unlink(folder.log);
}

static int something_is_left_alone(void)
{
    char command[1024];
    snprintf(command, sizeof command, "test -z \"$(ls -A %s/guard 2>/dev/null)\"", folder.cache);
    return system(command) != 0;
}

static int was_asked(void)
{
    const int asked = access(folder.log, F_OK) == 0;
    unlink(folder.log);
    return asked;
}

static void test_refused(const char *fault, const char *why)
{
    forget("guard");
    CHECK(stub_run(takes_another, why, fault, NULL) == 0 && was_asked() &&
          something_is_left_alone());
    CHECK(stub_run(takes_another, "left alone since this was said", fault, NULL) == 0);
    CHECK(!was_asked());
    CHECK(stub_run(takes_another, why, "", NULL) == 0);
    forget("guard");
    CHECK(stub_run(takes_wide, NULL, "", NULL) == 0);
}

static void write_first_choice(const void *path)
{
    net n;
    CHECK_OK(begin(&n));
    CHECK_OK(kerf__file_write(path, n.p->nodes[0].name, strlen(n.p->nodes[0].name)));
    end(&n);
}

/* What an unbroken driver is given for the first node, by a child: OpenCL is loaded there. */
static char *find_first_choice(void)
{
    char path[300];
    void *name = NULL;
    size_t num_bytes;
    snprintf(path, sizeof path, "%s/name", folder.path);
    CHECK(stub_run(write_first_choice, path, "", NULL) == 0);
    CHECK_OK(kerf__file_read(path, 0, &name, &num_bytes));
    return name;
}

static void test_crash(const char *name)
{
    forget("guard");
    const int status = stub_run(crashes, NULL, "EnqueueNDRangeKernel abort 1 gemm_wide", NULL);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && was_asked() &&
          something_is_left_alone());
    CHECK(stub_run(avoids, name, "", NULL) == 0);
}

/* What a run has chosen is made or not made; and where nothing works, nothing is left alone. */
static void test_errors(const char *name)
{
    char text[256], words[256];
    snprintf(text, sizeof text, "{\"Gemm float32(%d,%d) float32(%d,%d) > float32(%d,%d)\": \"%s\"}",
             N, N, N, N, N, N, name);
    snprintf(words, sizeof words, "the choices name '%s', which this device refuses: ", name);
    forget("guard");
    choices = text;
    CHECK(stub_run(cannot_plan, words, "BuildProgram -11 1 gemm_wide", NULL) == 0);
    CHECK(stub_run(cannot_run, words, "EnqueueNDRangeKernel -54 1 gemm_wide", NULL) == 0);
    choices = NULL;
    CHECK(stub_run(cannot_plan, "build failed", "BuildProgram -11 1 softmax", NULL) == 0);
    CHECK(stub_run(cannot_run, "queueing failed", "EnqueueNDRangeKernel -5 1 softmax", NULL) == 0);
    CHECK(!something_is_left_alone());
    CHECK(stub_run(takes_wide, NULL, "", NULL) == 0);
}

int main(void)
{
    if (getenv("OCL_ICD_VENDORS") == NULL) /* a simulator in the loader's place asks no driver */
        return 77;
    stub_open(&folder);
    test_refused("BuildProgram -11 1 gemm_wide", "gemm_wide.cl: build failed on stub device");
    test_refused("CreateKernel -5 1 gemm_wide", "making the kernel failed");
    test_refused("EnqueueNDRangeKernel -5 1 gemm_wide", "queueing failed");
    test_refused("EnqueueNDRangeKernel -54 1 gemm_wide", "queueing failed");
    char *name = find_first_choice();
    test_crash(name);
    test_errors(name);
    free(name);
    stub_close(&folder);
    return check_result();
}
