/* device/join_program.c -- the program of joined launches: kernels/join.cl linked with the programs
 * that it runs, each compiled by its own options.
 *
 * No source is changed: macros in front of it give its kernels two more arguments, which stand for
 * what get_global_id() and its like say of a launch, and names of their own. Behind it stands the
 * function that join.cl calls, which takes a kernel's arguments out of a row of the table. */
#include "device/join_program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/fail.h"

/* ---- which units ------------------------------------------------------------------------- */

static int order_units(const void *a, const void *b)
{
    const kerf__unit *x = a, *y = b;
    const int order = strcmp(x->program->key, y->program->key);
    return order != 0 ? order : strcmp(x->launch->entry, y->launch->entry);
}

static int unit_of(const kerf__units *units, const kerf__launch *launch)
{
    for (size_t i = 0; i < units->num; i++)
        if (units->list[i].program == launch->program &&
            strcmp(units->list[i].launch->entry, launch->entry) == 0)
            return (int)i;
    return -1;
}

size_t kerf__unit_find(const kerf__units *units, const kerf__launch *launch)
{
    return (size_t)unit_of(units, launch);
}

kerf_status kerf__units_list(kerf__units *units, kerf__launch *const *launches, size_t num)
{
    units->list = kerf__alloc(num, sizeof *units->list);
    if (units->list == NULL)
        return kerf__fail_memory("joined launches", num * sizeof *units->list);
    for (size_t i = 0; i < num; i++)
        if (unit_of(units, launches[i]) < 0)
            units->list[units->num++] = (kerf__unit){launches[i]->program, launches[i]};
    qsort(units->list, units->num, sizeof *units->list, order_units);
    return KERF_OK;
}

void kerf__units_clear(kerf__units *units)
{
    free(units->list);
    *units = (kerf__units){0};
}

/* ---- their texts ------------------------------------------------------------------------- */

static const char IDS[] = "#define get_global_id(d) ((size_t)kerf_item.s##d)\n"
                          "#define get_group_id(d) ((size_t)kerf_item.s##d)\n"
                          "#define get_global_size(d) ((size_t)kerf_size.s##d)\n"
                          "#define get_num_groups(d) ((size_t)kerf_size.s##d)\n"
                          "#define get_local_id(d) ((size_t)0)\n"
                          "#define get_local_size(d) ((size_t)1)\n";

/* All kernels of the source get other names; two units may have the same. */
static void rename_kernels(FILE *to, size_t unit, const char *names)
{
    while (*names != '\0') {
        const int length = (int)strcspn(names, ";");
        fprintf(to,
                "#define %.*s(...) kerf_kernel_%zu_%.*s(const uint4 kerf_item, "
                "const uint4 kerf_size, __VA_ARGS__)\n",
                length, names, unit, length, names);
        names += length + (names[length] == ';');
    }
}

/* An argument is a word of the row. */
static void write_argument(FILE *to, const kerf__arg *arg, int i)
{
    static const char *const FORMS[] = {
        [KERF__ARG_BUFFER] = "(global void *)args[%d]",
        [KERF__ARG_FLOAT] = "as_float((uint)args[%d])",
        [KERF__ARG_INT] = "(int)args[%d]",
        [KERF__ARG_UINT] = "(uint)args[%d]",
        [KERF__ARG_LOCAL] = "(local void *)(scratch + args[%d])",
    };
    fputs(", ", to);
    fprintf(to, FORMS[arg->type], i);
}

static void write_call(FILE *to, size_t unit, const kerf__launch *launch)
{
    const char *entry = launch->entry;
    fprintf(to,
            "\n#undef %s\n"
            "void kerf_unit_%zu(uint4 item, uint4 size, global const ulong *args, "
            "local uchar *scratch);\n"
            "void kerf_unit_%zu(uint4 item, uint4 size, global const ulong *args, "
            "local uchar *scratch)\n"
            "{\n    kerf_kernel_%zu_%s(item, size",
            entry, unit, unit, unit, entry);
    for (int i = 0; i < launch->num_args; i++)
        write_argument(to, &launch->args[i], i);
    fprintf(to, ");\n}\n");
}

/* "one;two;three" in fresh memory, or NULL. */
static char *kernel_names(const kerf_device *dev, const kerf__program *program)
{
    size_t bytes = 0;
    const kerf__opencl *cl = dev->cl;
    if (cl->GetProgramInfo(program->program, CL_PROGRAM_KERNEL_NAMES, 0, NULL, &bytes) !=
        CL_SUCCESS)
        return NULL;
    char *names = kerf__alloc(bytes + 1, 1);
    if (names != NULL)
        cl->GetProgramInfo(program->program, CL_PROGRAM_KERNEL_NAMES, bytes, names, NULL);
    return names;
}

/* In fresh memory, or NULL. */
static char *unit_text(const kerf_device *dev, size_t i, const kerf__unit *unit)
{
    char *text = NULL, *names = kernel_names(dev, unit->program);
    size_t bytes = 0;
    FILE *to = names != NULL ? open_memstream(&text, &bytes) : NULL;
    if (to != NULL) {
        fputs(IDS, to);
        rename_kernels(to, i, names);
        fprintf(to, "#line 1\n%s", unit->program->source->text);
        write_call(to, i, unit->launch);
        if (fclose(to) != 0) {
            free(text);
            text = NULL;
        }
    }
    free(names);
    return text;
}

/* "#define JOINED(X) X(0) X(1)" */
static char *prefix_text(size_t num)
{
    char *text = kerf__alloc(64 + 24 * num, 1);
    if (text == NULL)
        return NULL;
    strcpy(text, "#define JOINED(X)");
    for (size_t i = 0, at = strlen(text); i < num; i++)
        at += (size_t)sprintf(text + at, " X(%zu)", i);
    strcat(text, "\n#line 1\n");
    return text;
}

/* The number of the system call by which a core is offered to others; where it is not known,
 * kernels wait without it. */
#ifdef SYS_sched_yield
#define TEXT_OF(x)   #x
#define NUMBER_OF(x) TEXT_OF(x)
#define YIELD_OPTION "-DKERF_YIELD=" NUMBER_OF(SYS_sched_yield) " "
#else
#define YIELD_OPTION ""
#endif

/* ---- finding it -------------------------------------------------------------------------- */

/* Tells programs of other parts apart, in the list of programs and on disk. */
static void digest_option(const kerf__parts *parts, char option[96])
{
    XXH64_hash_t digest[2] = {XXH3_64bits(parts->prefix, strlen(parts->prefix)), 0};
    for (size_t i = 0; i < parts->num; i++) {
        digest[0] =
            XXH3_64bits_withSeed(parts->list[i].text, strlen(parts->list[i].text), digest[0]);
        digest[1] =
            XXH3_64bits_withSeed(parts->list[i].options, strlen(parts->list[i].options), digest[1]);
    }
    snprintf(option, 96, YIELD_OPTION "-DKERF_PARTS=%016llx%016llx", (unsigned long long)digest[0],
             (unsigned long long)digest[1]);
}

static kerf_status write_parts(const kerf_device *dev, const kerf__units *units, kerf__part *list,
                               kerf__parts *parts)
{
    parts->prefix = prefix_text(units->num);
    if (parts->prefix == NULL)
        return kerf__fail_memory("joined launches", 24 * units->num);
    for (; parts->num < units->num; parts->num++) {
        const kerf__unit *unit = &units->list[parts->num];
        list[parts->num] = (kerf__part){unit_text(dev, parts->num, unit), unit->program->options};
        if (list[parts->num].text == NULL)
            return kerf__fail_memory("joined launches", strlen(unit->program->source->text));
    }
    return KERF_OK;
}

kerf_status kerf__join_find_program(kerf__program **out, kerf_device *dev, const kerf__units *units)
{
    char option[96];
    kerf__part *list = kerf__alloc(units->num, sizeof *list);
    kerf__parts parts = {NULL, list, 0};
    if (list == NULL)
        return kerf__fail_memory("joined launches", units->num * sizeof *list);
    kerf_status status = write_parts(dev, units, list, &parts);
    if (status == KERF_OK) {
        digest_option(&parts, option);
        status = kerf__program_find_linked(out, dev, &kerf__source_join, option, &parts);
    }
    for (size_t i = 0; i < parts.num; i++)
        free((char *)list[i].text);
    free((char *)parts.prefix);
    free(list);
    return status;
}

/* ---- linking ----------------------------------------------------------------------------- */

static kerf_status compile(kerf_device *dev, const kerf__program *program, cl_uint num_texts,
                           const char **texts, const char *options, cl_program *out)
{
    cl_int err;
    *out = dev->cl->CreateProgramWithSource(dev->context, num_texts, texts, NULL, &err);
    if (err != CL_SUCCESS)
        return kerf__fail_opencl(dev, err, "%s.cl: making a program", program->source->name);
    err = dev->cl->CompileProgram(*out, 1, &dev->id, options, 0, NULL, NULL, NULL, NULL);
    return err == CL_SUCCESS ? KERF_OK : kerf__program_build_failed(dev, program, *out, err);
}

static kerf_status compile_all(kerf_device *dev, const kerf__program *program,
                               const kerf__parts *parts, cl_program *programs)
{
    const char *own[] = {parts->prefix, program->source->text};
    for (size_t i = 0; i < parts->num; i++) {
        const char *text = parts->list[i].text;
        KERF__TRY(compile(dev, program, 1, &text, parts->list[i].options, &programs[i]));
    }
    return compile(dev, program, 2, own, program->options, &programs[parts->num]);
}

kerf_status kerf__program_link(kerf_device *dev, kerf__program *program, const kerf__parts *parts)
{
    cl_int err = CL_SUCCESS;
    const size_t num = parts->num + 1;
    cl_program *programs = kerf__alloc(num, sizeof(cl_program));
    if (programs == NULL)
        return kerf__fail_memory(program->source->name, num * sizeof(cl_program));
    kerf_status status = compile_all(dev, program, parts, programs);
    if (status == KERF_OK) {
        program->program = dev->cl->LinkProgram(dev->context, 1, &dev->id, NULL, (cl_uint)num,
                                                programs, NULL, NULL, &err);
        if (program->program == NULL || err != CL_SUCCESS)
            status = kerf__fail(KERF_ERR_UNSUPPORTED, "%s.cl: linking failed on %s (%s)",
                                program->source->name, dev->info.name, kerf__opencl_error(err));
    }
    for (size_t i = 0; i < num; i++)
        if (programs[i] != NULL)
            dev->cl->ReleaseProgram(programs[i]);
    free(programs);
    return status;
}
