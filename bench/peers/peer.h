/* peer.h -- another library's side of `kerf bench --beside`: reads what is asked, times, answers.
 *
 * A library fills in a peer_library and calls peer_main(); one program a library, so that their
 * thread pools never meet.  What is said: host/bench_beside.h.  The cases: bench/shapes/.  In
 * Python the same is peer.py. */
#ifndef KERF_PEER_H
#define KERF_PEER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PEER_INPUTS = 2, PEER_RANK = 8, PEER_LINE = 256 };

/* "m=64 n=300 k=784 f32 transB", or "Add 256x300 300 f32" and the like. */
typedef struct peer_case {
    char family[24], node[32];
    long m, n, k;
    int trans_a, trans_b;
    int num_inputs, rank[PEER_INPUTS];
    long dims[PEER_INPUTS][PEER_RANK];
    int num_axes, axes[PEER_RANK]; /* none: all */
} peer_case;

typedef struct peer_library {
    int (*open)(const peer_case *c); /* 0: has no such operation */
    void (*run)(void);               /* once; may only queue it */
    void (*finish)(void);            /* waits; NULL where run does */
    void (*close)(void);
} peer_library;

static inline double peer_now_ms(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static inline void peer_fail(const char *what, int status)
{
    fprintf(stderr, "peer: %s gave status %d\n", what, status);
    exit(1);
}

/* Numbers in [-1, 1) on a border that vectors like. */
static inline float *peer_fill(size_t num)
{
    float *x = aligned_alloc(64, (num * sizeof *x + 63) / 64 * 64);
    if (x == NULL)
        peer_fail("aligned_alloc", 0);
    for (size_t i = 0; i < num; i++)
        x[i] = (float)(i * 2654435761u % 1000) / 500.0f - 1.0f;
    return x;
}

static inline size_t peer_num_elements(const peer_case *c, int input)
{
    size_t num = 1;
    for (int d = 0; d < c->rank[input]; d++)
        num *= (size_t)c->dims[input][d];
    return num;
}

static inline void peer_read_shape(peer_case *c, char *word)
{
    const int i = c->num_inputs++;
    for (char *p = word; c->rank[i] < PEER_RANK; p++) {
        c->dims[i][c->rank[i]++] = strtol(p, &p, 10);
        if (*p != 'x')
            break;
    }
}

static inline void peer_read_word(peer_case *c, char *word)
{
    if (sscanf(word, "m=%ld", &c->m) == 1 || sscanf(word, "n=%ld", &c->n) == 1 ||
        sscanf(word, "k=%ld", &c->k) == 1 || strcmp(word, "f32") == 0)
        return;
    if (strcmp(word, "transA") == 0)
        c->trans_a = 1;
    else if (strcmp(word, "transB") == 0)
        c->trans_b = 1;
    else if (strncmp(word, "axes=", 5) == 0)
        for (char *p = word + 4; *p != '\0' && c->num_axes < PEER_RANK;)
            c->axes[c->num_axes++] = (int)strtol(p + 1, &p, 10);
    else if (word[0] >= '1' && word[0] <= '9' && c->num_inputs < PEER_INPUTS)
        peer_read_shape(c, word);
    else
        snprintf(c->node, sizeof c->node, "%s", word);
}

/* "FAMILY CASE", cut in place. */
static inline peer_case peer_read(char *text)
{
    peer_case c = {0};
    char *word = strtok(text, " ");
    snprintf(c.family, sizeof c.family, "%s", word != NULL ? word : "");
    while ((word = strtok(NULL, " ")) != NULL)
        peer_read_word(&c, word);
    return c;
}

static inline void peer_finish(const peer_library *lib)
{
    if (lib->finish != NULL)
        lib->finish();
}

static inline double peer_time(const peer_library *lib, int calls)
{
    lib->run();
    peer_finish(lib);
    const double start = peer_now_ms();
    for (int i = 0; i < calls; i++)
        lib->run();
    peer_finish(lib);
    return (peer_now_ms() - start) / calls;
}

/* Thread pools spin for a while after their work, some for 100 ms, and would take a core from the
 * other side: waits until this process is idle, at most 2 seconds. */
static inline void peer_rest(void)
{
    clock_t used;
    int rounds = 0;
    do {
        const clock_t before = clock();
        nanosleep(&(struct timespec){0, 10000000}, NULL);
        used = clock() - before;
    } while (used > CLOCKS_PER_SEC / 1000 && ++rounds < 200);
}

static inline int peer_main(const peer_library *lib)
{
    char line[PEER_LINE], last[PEER_LINE] = "", copy[PEER_LINE];
    int is_open = 0;
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *text;
        const int calls = (int)strtol(line, &text, 10);
        text[strcspn(text, "\n")] = '\0';
        if (strcmp(text, last) != 0) {
            if (is_open)
                lib->close();
            snprintf(last, sizeof last, "%s", text);
            snprintf(copy, sizeof copy, "%s", text);
            const peer_case c = peer_read(copy);
            is_open = lib->open(&c);
        }
        if (is_open)
            printf("%.6f\n", peer_time(lib, calls > 0 ? calls : 1));
        else
            puts("no such operation");
        peer_rest();
        fflush(stdout);
    }
    if (is_open)
        lib->close();
    return 0;
}

#endif
