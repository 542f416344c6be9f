/* suite_list.c -- reads bench/suites/N.txt, which are part of the command; see suite_list.h. */
#include "suite_list.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Made of the files (cmake/KerfHost.cmake), in their order. */
extern const unsigned char suite_1[];
static const unsigned char *const texts[NEWEST_SUITE] = {suite_1};

/* Of networks, for names alone. */
static const case_family families[] = {{.name = "infer"}, {.name = "train"}};
static const char *const forms[] = {"f32", "int8", "sparse"};

/* A training step computes the gradients of both sides of each product, too. */
static kerf_status count_flops(suite_case *x)
{
    kerf_graph *g;
    kerf_state *s;
    const kerf_net_options net_options = {.shapes_only = 1};
    kerf_status status = kerf_net_create(&g, &s, x->net, &net_options, NULL);
    if (status == KERF_OK)
        status = kerf_graph_infer(g, x->batch);
    for (int i = 0; status == KERF_OK && i < kerf_graph_num_nodes(g); i++)
        x->c.flops += 2 * kerf_node_macs(kerf_graph_node(g, i));
    x->c.flops *= x->form == SUITE_SPARSE ? 0 : x->trains ? 3 : 1;
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return status;
}

/* NET FORM batch=N; 0 if it is none. */
static int read_net(suite_case *x, const case_family *family, char **words, int num)
{
    x->is_net = 1;
    x->trains = family == &families[1];
    x->c.family = family;
    if (num != 4 || sscanf(words[3], "batch=%" SCNd64, &x->batch) != 1)
        return 0;
    for (x->form = SUITE_F32; x->form <= SUITE_SPARSE; x->form++)
        if (strcmp(words[2], forms[x->form]) == 0)
            break;
    snprintf(x->net, sizeof x->net, "%s", words[1]);
    snprintf(x->c.name, sizeof x->c.name, "%s %s %s", words[1], words[2], words[3]);
    return x->form <= SUITE_SPARSE && count_flops(x) == KERF_OK;
}

static int read_case(suite_case *x, const char *line, char **words, int num)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (strcmp(words[0], families[i].name) == 0)
            return read_net(x, &families[i], words, num);
    const case_family *family = num > 2 ? case_family_find(words[1]) : NULL;
    return family != NULL && case_read(&x->c, family, strstr(line, words[2]));
}

static int append(const options *o, suite_list *list, const suite_case *x)
{
    suite_case *larger = realloc(list->items, (list->num + 1) * sizeof *larger);
    if (larger == NULL)
        return fail_memory(o);
    list->items = larger;
    list->items[list->num++] = *x;
    return 0;
}

/* The line "suite N" says which it is. */
static int read_line(const options *o, suite_list *list, const char *line)
{
    char copy[CASE_LINE], *words[CASE_WORDS];
    suite_case x = {0};
    snprintf(copy, sizeof copy, "%s", line);
    const int num = case_words(copy, words);
    if (num == 0 || strcmp(words[0], "suite") == 0)
        return 0;
    return read_case(&x, line, words, num)
               ? append(o, list, &x)
               : fail_work(o, "suite %d: '%s' is no case", list->version, line);
}

static void set_id(suite_list *list)
{
    uint32_t hash = CASE_HASH;
    for (size_t i = 0; i < list->num; i++)
        hash = case_hash(hash, &list->items[i].c);
    snprintf(list->id, sizeof list->id, "suite-%d-%08" PRIx32, list->version, hash);
}

int suite_read(const options *o, int64_t version, suite_list *list)
{
    *list = (suite_list){.version = (int)version};
    if (version < 1 || version > NEWEST_SUITE)
        return fail_usage(o, "--suite %" PRId64 ": no such suite; there is 1", version);
    int code = 0;
    for (const char *p = (const char *)texts[version - 1]; code == 0 && *p != '\0';) {
        char line[CASE_LINE];
        const size_t length = strcspn(p, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, p);
        code = read_line(o, list, line);
        p += length + (p[length] == '\n');
    }
    set_id(list);
    return code;
}

void suite_free(suite_list *list)
{
    free(list->items);
    *list = (suite_list){0};
}

const suite_case *suite_find(const suite_list *list, const char *op, const char *name)
{
    for (size_t i = 0; i < list->num; i++)
        if (strcmp(list->items[i].c.family->name, op) == 0 &&
            strcmp(list->items[i].c.name, name) == 0)
            return &list->items[i];
    return NULL;
}
