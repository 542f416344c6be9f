/* ranks_compare.c -- ranks that are not alike would wait for each other, or train on with what
 * others have not: they are refused at the start.  See ranks.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "option_print.h"
#include "ranks.h"
#include "say.h"
#include "session.h"

static int compare(const options *o, const char *lines)
{
    const kerf_status status = kerf_ranks_compare(ranks_of(o), o->command, lines);
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

/* ---- files ----------------------------------------------------------------------------------- */

/* 1: it could be read. */
static int digest_file(const char *path, uint64_t *digest)
{
    enum { PIECE = 4096 };
    char bytes[PIECE];
    size_t num;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return 0;
    *digest = DIGEST_EMPTY;
    while ((num = fread(bytes, 1, sizeof bytes, file)) > 0)
        *digest = digest_add(*digest, bytes, num);
    fclose(file);
    return 1;
}

/* Of what lies there, wherever that is on each machine; of what cannot be read, reading will say
 * more. */
static void print_content(const char *path, FILE *out)
{
    uint64_t digest;
    if (digest_file(path, &digest))
        fprintf(out, "%016llx", (unsigned long long)digest);
    else
        fputs("not there", out);
}

/* ---- the command line ------------------------------------------------------------------------ */

/* Each machine has its own devices and folders, and who speaks may be told to. */
typedef enum comparison { BY_VALUE, BY_FRONT, BY_CONTENT, BY_PRESENCE, BY_NOTHING } comparison;
static const struct {
    const char *name;
    comparison how;
} OTHERS[] = {
    {"data", BY_PRESENCE},        {"output", BY_PRESENCE},        {"run-dir", BY_PRESENCE},
    {"classes", BY_CONTENT},      {"mask", BY_CONTENT},           {"ranges", BY_CONTENT},
    {"distill", BY_CONTENT},      {"latency", BY_FRONT},          {"device", BY_NOTHING},
    {"force", BY_NOTHING},        {"json", BY_NOTHING},           {"quiet", BY_NOTHING},
    {"verbose", BY_NOTHING},      {"teacher-device", BY_NOTHING}, {"rank-timeout", BY_NOTHING},
    {"max-launch-ms", BY_NOTHING}};

/* A recipe's folder is read and written by several ranks. */
static comparison how_to_compare(const options *o, const option_row *row)
{
    if ((o->groups & GROUP_RECIPE) != 0 && strcmp(row->name, "output") == 0)
        return BY_VALUE;
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++)
        if (strcmp(row->name, OTHERS[i].name) == 0)
            return OTHERS[i].how;
    return BY_VALUE;
}

static void print_line(const options *o, const option_row *row, comparison how, FILE *out)
{
    const char *const *text = (const char *const *)(const void *)((const char *)o + row->offset);
    fprintf(out, "%s=", row->name);
    if (how == BY_VALUE)
        option_print(o, row, out);
    else if (how == BY_FRONT) /* MS@FILE */
        fprintf(out, "%.*s", (int)strcspn(*text, "@"), *text);
    else if (how == BY_CONTENT)
        print_content(*text, out);
    else
        fputs("given", out);
    fputc('\n', out);
}

/* The end of -o says what counts as a file's size. */
static void print_lines(const options *o, FILE *out)
{
    fprintf(out, "kerf=%s\ncommand=%s\nfiles=%zu\n", kerf_version(), o->command, o->words.num);
    if (o->output != NULL)
        fprintf(out, "packed=%d\n", kerf_packed_is_path(o->output));
    for (size_t i = 0; i < num_option_rows; i++) {
        const option_row *row = &option_rows[i];
        const comparison how = how_to_compare(o, row);
        if ((row->groups & o->groups) != 0 && options_given(o, row->name) && how != BY_NOTHING)
            print_line(o, row, how, out);
    }
}

/* In the order of the table, however they were given; the caller frees it.  NULL: no memory. */
static char *options_lines(const options *o)
{
    char *text = NULL;
    size_t num_bytes = 0;
    FILE *out = open_memstream(&text, &num_bytes);
    if (out == NULL)
        return NULL;
    print_lines(o, out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

int ranks_compare_options(const options *o)
{
    if (ranks_of(o) == NULL)
        return 0;
    char *lines = options_lines(o);
    const int code = lines != NULL ? compare(o, lines) : fail_memory(o);
    free(lines);
    return code;
}

/* ---- what it works on ------------------------------------------------------------------------ */

static kerf_status add_network(const kerf_graph *g, uint64_t *digest)
{
    void *bytes;
    size_t num_bytes;
    const kerf_status status = kerf_graph_serialize(g, &bytes, &num_bytes);
    if (status != KERF_OK)
        return status;
    *digest = digest_add(*digest, bytes, num_bytes);
    free(bytes);
    return KERF_OK;
}

int ranks_compare_session(const options *o, const session *s)
{
    uint64_t network = DIGEST_EMPTY, weights, data = 0;
    char lines[112];
    if (ranks_of(o) == NULL)
        return 0;
    kerf_status status = state_digest(s->m.s, NULL, &weights);
    if (status == KERF_OK)
        status = add_network(s->m.g, &network);
    if (status == KERF_OK && s->data != NULL)
        status = kerf_dataset_spot_digest(s->data, &data);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    snprintf(lines, sizeof lines, "network=%016llx\nweights=%016llx\ndata=%016llx\n",
             (unsigned long long)network, (unsigned long long)weights, (unsigned long long)data);
    return compare(o, lines);
}

/* Standard input can be read only once; who has no such file says so when it reads it. */
int ranks_compare_recipe(const options *o)
{
    const char *path = o->words.items[0];
    uint64_t digest;
    char lines[48] = "recipe=-\n";
    if (ranks_of(o) == NULL)
        return 0;
    if (strcmp(path, "-") != 0) {
        if (!digest_file(path, &digest))
            return 0;
        snprintf(lines, sizeof lines, "recipe=%016llx\n", (unsigned long long)digest);
    }
    return compare(o, lines);
}
