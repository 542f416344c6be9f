/* test_packed_memory.c -- a packed file is decoded tensor by tensor: beside the state a reader has
 * what one tensor needs in memory, and never the file.
 *
 * The system is the judge: a process that may have so much memory and no more reads the file, and
 * could not have held it as a whole. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/random.h"
#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/kerf.h"

enum { SIDE = 512, TENSORS = 12, MIB = 1 << 20, TENSOR_BYTES = SIDE * SIDE * 4, SKIPPED = 77 };

static const char PATH[] = "packed_memory.kerf";

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_WATCHED 1 /* sanitizers map terabytes */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define IS_WATCHED 1
#endif
#endif
#ifndef IS_WATCHED
#define IS_WATCHED 0
#endif

/* Tensors of a MiB each in which there is no order. */
static int write_file(size_t num_more)
{
    static float w[SIDE * SIDE];
    (void)num_more;
    const kerf__random r = kerf__random_key(3, KERF__RANDOM_TEST, 1);
    kerf_graph *g;
    kerf_state *s;
    kerf_value *x, *v;
    kerf_node *n;
    char name[16];
    void *bytes;
    size_t num_bytes;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_state_create(&s, NULL));
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(1, SIDE), &x));
    for (int t = 0; t < TENSORS; t++) {
        int id;
        for (uint64_t i = 0; i < SIDE * SIDE; i++)
            w[i] = (float)kerf__random_u32(r, (uint64_t)t, i) / 4294967296.0f - 0.5f;
        snprintf(name, sizeof name, "w%d", t);
        CHECK_OK(
            kerf_state_add(s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, KERF_SHAPE(SIDE, SIDE), &id));
        CHECK_OK(kerf_state_write(s, id, w));
        CHECK_OK(kerf_graph_add_state(g, name, id, KERF_F32, KERF_SHAPE(SIDE, SIDE), &v));
        CHECK_OK(kerf_graph_add_node(g, "MatMul", NULL, (kerf_value *[]){x, v}, 2, 1, &n));
        x = n->outputs[0];
    }
    CHECK_OK(kerf_graph_add_output(g, x));
    CHECK_OK(kerf_packed_serialize(g, s, &bytes, &num_bytes, NULL, NULL));
    FILE *f = fopen(PATH, "wb");
    CHECK(num_bytes > 8 * MIB); /* as a whole it would not fit */
    CHECK(f != NULL && fwrite(bytes, 1, num_bytes, f) == num_bytes && fclose(f) == 0);
    free(bytes);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return check_result();
}

/* Bytes of this process that RLIMIT_AS counts; 0 where the system does not tell. */
static size_t room_bytes(void)
{
    char line[128];
    size_t kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "VmSize: %zu", &kib) == 1)
            break;
    if (f != NULL)
        fclose(f);
    return kib * 1024;
}

/* 0, or 77 where the limit holds nobody back. */
static int read_with(size_t num_more)
{
    const size_t most = room_bytes() + num_more;
    kerf_graph *g;
    kerf_state *s;
    if (room_bytes() == 0 || setrlimit(RLIMIT_AS, &(struct rlimit){most, most}) != 0)
        return SKIPPED;
    void *whole = kerf__alloc(num_more + MIB, 1);
    if (whole != NULL)
        return SKIPPED;
    const kerf_status status = kerf_model_read(&g, &s, PATH, NULL);
    if (status != KERF_OK)
        fprintf(stderr, "%s\n", kerf_last_error());
    return status == KERF_OK ? 0 : 1;
}

/* Of `what`, which finds memory as this process has it: what was freed is still there. */
static int in_a_process(int (*what)(size_t num_more), size_t num_more)
{
    int status = 1;
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0)
        _exit(what(num_more));
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

int main(void)
{
    const size_t state = TENSORS * (size_t)TENSOR_BYTES;
    if (IS_WATCHED) {
        printf("skipped: sanitizers map more than a limit allows\n");
        return 0;
    }
    CHECK(in_a_process(write_file, 0) == 0);
    /* A tensor as it is and as it is coded, what decodes it, and what malloc keeps. */
    const int code = in_a_process(read_with, state + 5 * MIB);
    CHECK(code == 0 || code == SKIPPED);
    CHECK(code == SKIPPED || in_a_process(read_with, state - MIB) == 1);
    remove(PATH);
    if (code == SKIPPED)
        printf("skipped: the system holds nobody back\n");
    return check_result();
}
