/* gate_programs.c -- writes down every program that Kerf can launch, without a device:
 *
 *     gate_programs FOLDER      FOLDER/NAME.cl for each source, and FOLDER/programs.tsv
 *
 * A line of programs.tsv is a program, its columns parted by tabs:
 *
 *     FILE   OPTIONS   NEEDS   ENTRY:LEAST:GROUP:LOCAL ...
 *
 * NEEDS is what OpenCL C 1.2 lacks, or -.  LEAST is the least device that is given the entry:
 * small (64 work-items a group and 16 KiB of local memory), gpu (a larger one) or cpu (CPU
 * devices alone).  GROUP is the largest work-group it is launched with, LOCAL the bytes of
 * local memory among its arguments.  The compiler is told about features besides
 * (device/launch.h); gate.py adds them for each target.
 *
 * How: gate_walk.c builds every variant, and the linker lays a function of this file in the
 * place of kerf__launch_create_pieces, so that a variant leaves no launch but its name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "gate_walk.h"

/* ---- what was launched ----------------------------------------------------------------- */

typedef struct launched {
    const kerf__source *source;
    char options[256], entry[64];
    size_t group, local_bytes;
    gate_least least;
    const char *needs;
} launched;

enum { MOST = 4096 };
static launched list[MOST];
static int num_launched;

static launched *find_launched(const kerf__source *source, const char *options, const char *entry)
{
    for (int i = 0; i < num_launched; i++)
        if (list[i].source == source && strcmp(list[i].options, options) == 0 &&
            strcmp(list[i].entry, entry) == 0)
            return &list[i];
    if (num_launched == MOST) {
        fprintf(stderr, "gate_programs: more than %d kernels\n", MOST);
        exit(1);
    }
    launched *l = &list[num_launched++];
    *l = (launched){.source = source, .needs = "-", .least = GATE_CPU};
    snprintf(l->options, sizeof l->options, "%s", options);
    snprintf(l->entry, sizeof l->entry, "%s", entry);
    return l;
}

void gate_note(const kerf__source *source, const char *options, const char *entry, size_t group,
               size_t local_bytes, const char *needs)
{
    launched *l = find_launched(source, options, entry);
    l->group = group > l->group ? group : l->group;
    l->local_bytes = local_bytes > l->local_bytes ? local_bytes : l->local_bytes;
    l->least = gate_device < l->least ? gate_device : l->least;
    if (needs != NULL)
        l->needs = needs;
}

/* What a form of the dot product (kernels/dot.clh) needs, NULL for products in C. */
static const char *needs_of(const char *options)
{
    static const struct {
        const char *form, *needs;
    } FORMS[] = {{"DOT_KHR", "cl_khr_integer_dot_product"},
                 {"DOT_ARM", "cl_arm_integer_dot_product_accumulate_int8"},
                 {"DOT_AMD", "amd_dot"},
                 {"DOT_X86", "x86"},
                 {"DOT_PAIRS", "clang"}};
    for (size_t i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++)
        if (strstr(options, FORMS[i].form) != NULL)
            return FORMS[i].needs;
    return NULL;
}

/* The linker's name for what stands in the place of kerf__launch_create_pieces. */
kerf_status __wrap_kerf__launch_create_pieces(kerf__launch **out, kerf_device *dev,
                                              const kerf__source *source, const char *entry,
                                              const char *options, const kerf__arg *args,
                                              int num_args, kerf__grid grid, size_t pieces);
kerf_status __wrap_kerf__launch_create_pieces(kerf__launch **out, kerf_device *dev,
                                              const kerf__source *source, const char *entry,
                                              const char *options, const kerf__arg *args,
                                              int num_args, kerf__grid grid, size_t pieces)
{
    size_t local_bytes = 0, group = 1;
    (void)dev;
    (void)pieces;
    for (int i = 0; i < num_args; i++)
        local_bytes += args[i].type == KERF__ARG_LOCAL ? args[i].value.as_local_bytes : 0;
    for (int i = 0; i < grid.dims; i++)
        group *= grid.group[i];
    options = options != NULL ? options : "";
    gate_note(source, options, entry, group, local_bytes, needs_of(options));
    *out = NULL; /* which may be destroyed */
    return KERF_OK;
}

/* ---- writing --------------------------------------------------------------------------- */

static FILE *open_file(const char *folder, const char *name, const char *end)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s%s", folder, name, end);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fprintf(stderr, "gate_programs: cannot write %s\n", path);
        exit(1);
    }
    return file;
}

static int by_program(const void *a, const void *b)
{
    const launched *x = a, *y = b;
    int order = strcmp(x->source->name, y->source->name);
    if (order == 0)
        order = strcmp(x->options, y->options);
    return order != 0 ? order : strcmp(x->entry, y->entry);
}

static int is_same_program(const launched *a, const launched *b)
{
    return a->source == b->source && strcmp(a->options, b->options) == 0;
}

/* One line; gives the number of kernels of the program that stands at `first`. */
static int write_program(FILE *file, const launched *first, int left)
{
    static const char *const LEAST[] = {"small", "gpu", "cpu"};
    int num = 0;
    fprintf(file, "%s.cl\t%s\t%s\t", first->source->name, first->options, first->needs);
    for (; num < left && is_same_program(first, first + num); num++)
        fprintf(file, "%s%s:%s:%zu:%zu", num > 0 ? " " : "", first[num].entry,
                LEAST[first[num].least], first[num].group, first[num].local_bytes);
    fputc('\n', file);
    return num;
}

static int write_all(const char *folder)
{
    int faults = 0;
    qsort(list, (size_t)num_launched, sizeof list[0], by_program);
    FILE *file = open_file(folder, "programs.tsv", "");
    for (int i = 0; i < num_launched;)
        i += write_program(file, &list[i], num_launched - i);
    faults += fclose(file) != 0;
    for (int i = 0; i < num_launched; i++) {
        if (i > 0 && list[i].source == list[i - 1].source)
            continue;
        file = open_file(folder, list[i].source->name, ".cl");
        fputs(list[i].source->text, file);
        faults += fclose(file) != 0;
    }
    return faults;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: gate_programs FOLDER\n");
        return 2;
    }
    /* What is not reached was said; an incomplete list is none. */
    return gate_walk() != 0 || write_all(argv[1]) != 0;
}
