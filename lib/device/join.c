/* device/join.c -- the table of a joined launch (join.h) and its buffers.
 *
 * The table is on the device: a row a launch, in words of 64 bits (kernels/join.cl).  Buffers stand
 * in it by address, which a small kernel asks for once: on the CPU devices that are given this
 * (feature `joins`, found by trial) a buffer stays where it is. */
#include "device/join.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "device/fault.h"
#include "device/join_program.h"

enum { ROW_UNIT, ROW_GROUPS, ROW_ARGS = ROW_GROUPS + 3, LINE_WORDS = 16, SCRATCH_ALIGN = 128 };
/* A core that has no items left looks into each range for more, so there are not too many. */
enum { MOST_RANGES = 16 };

/* What the launch owns. */
typedef struct joined {
    kerf__buffer *rows, *counters;
} joined;

/* While one is made. */
typedef struct table {
    kerf_device *dev;
    kerf__units units;
    kerf__program *program;
    uint64_t *words; /* owned */
    size_t num_rows, row_words, scratch_bytes;
} table;

int kerf__launch_can_join(const kerf__launch *launch)
{
    const kerf__grid *grid = &launch->grid;
    if (!launch->dev->info.features.joins || launch->foreign != NULL || launch->empty ||
        launch->pieces > 1)
        return 0;
    double items = 1;
    for (int i = 0; i < grid->dims; i++) {
        if (grid->group[i] != 1)
            return 0;
        items *= (double)grid->groups[i];
    }
    return items <= 1 << 30;
}

/* ---- addresses --------------------------------------------------------------------------- */

static kerf_status ask_address(const table *t, const kerf__buffer *buffer, kerf__buffer *dst,
                               unsigned i)
{
    kerf__launch *launch;
    KERF__TRY(kerf__launch_create_program(&launch, t->dev, t->program, "join_address",
                                          KERF__ARGS(ARG(buffer), ARG(dst), ARG(i)),
                                          kerf__grid_wide(1, 1, 1)));
    kerf_status status = kerf__launch_enqueue(launch);
    kerf__launch_destroy(launch);
    return status;
}

/* The address of each argument that is a buffer, in the order of launches and arguments. */
static kerf_status read_addresses(const table *t, kerf__launch *const *launches, uint64_t *to,
                                  size_t num)
{
    kerf__buffer *dst;
    unsigned i = 0;
    KERF__TRY(kerf__buffer_create(&dst, t->dev, num * sizeof *to));
    kerf_status status = KERF_OK;
    for (size_t r = 0; r < t->num_rows; r++)
        for (int k = 0; k < launches[r]->num_args && status == KERF_OK; k++)
            if (launches[r]->args[k].type == KERF__ARG_BUFFER)
                status = ask_address(t, launches[r]->args[k].value.as_buffer, dst, i++);
    if (status == KERF_OK)
        status = kerf__buffer_read(dst, 0, to, num * sizeof *to);
    kerf__buffer_destroy(dst);
    return status;
}

/* ---- rows -------------------------------------------------------------------------------- */

/* Launches never run side by side, so all have the same local memory. */
static uint64_t argument_word(const kerf__arg *arg, const uint64_t **address, size_t *scratch)
{
    uint32_t word = 0;
    switch (arg->type) {
    case KERF__ARG_BUFFER:
        return *(*address)++;
    case KERF__ARG_LOCAL: {
        const size_t at = *scratch;
        *scratch += (arg->value.as_local_bytes + SCRATCH_ALIGN - 1) / SCRATCH_ALIGN * SCRATCH_ALIGN;
        return at;
    }
    case KERF__ARG_FLOAT:
    case KERF__ARG_INT:
    case KERF__ARG_UINT:
        memcpy(&word, &arg->value, sizeof word);
        return word;
    }
    return 0;
}

static void write_row(table *t, uint64_t *row, const kerf__launch *launch, const uint64_t **address)
{
    size_t scratch = 0;
    row[ROW_UNIT] = kerf__unit_find(&t->units, launch);
    for (int i = 0; i < 3; i++)
        row[ROW_GROUPS + i] = i < launch->grid.dims ? launch->grid.groups[i] : 1;
    for (int k = 0; k < launch->num_args; k++)
        row[ROW_ARGS + k] = argument_word(&launch->args[k], address, &scratch);
    t->scratch_bytes = scratch > t->scratch_bytes ? scratch : t->scratch_bytes;
}

static kerf_status write_rows(table *t, kerf__launch *const *launches)
{
    size_t most = 0;
    for (size_t r = 0; r < t->num_rows; r++)
        most = (size_t)launches[r]->num_args > most ? (size_t)launches[r]->num_args : most;
    t->row_words = ROW_ARGS + most;
    uint64_t *addresses = kerf__alloc(t->num_rows * most, sizeof *addresses);
    t->words = kerf__alloc(t->num_rows * t->row_words, sizeof *t->words);
    if (addresses == NULL || t->words == NULL) {
        free(addresses);
        return kerf__fail_memory("joined launches", t->num_rows * t->row_words * 8);
    }
    const uint64_t *address = addresses;
    kerf_status status = read_addresses(t, launches, addresses, t->num_rows * most);
    for (size_t r = 0; r < t->num_rows && status == KERF_OK; r++)
        write_row(t, t->words + r * t->row_words, launches[r], &address);
    free(addresses);
    return status;
}

/* ---- the launch -------------------------------------------------------------------------- */

static void destroy_joined(void *context)
{
    joined *j = context;
    kerf__buffer_destroy(j->rows);
    kerf__buffer_destroy(j->counters);
    free(j);
}

static kerf_status fill_buffers(const table *t, joined *j, unsigned ranges)
{
    const size_t row_bytes = t->num_rows * t->row_words * sizeof *t->words;
    const size_t lines = t->num_rows * (ranges + 1) + 1;
    const size_t counter_bytes = lines * LINE_WORDS * sizeof(uint32_t);
    KERF__TRY(kerf__buffer_create(&j->rows, t->dev, row_bytes));
    KERF__TRY(kerf__buffer_create(&j->counters, t->dev, counter_bytes));
    KERF__TRY(kerf__buffer_write(j->rows, 0, t->words, row_bytes));
    return kerf__buffer_fill_zero(j->counters, 0, counter_bytes);
}

static kerf_status create_launch(kerf__launch **out, const table *t, joined *j)
{
    const unsigned groups = t->dev->info.compute_units, num_rows = (unsigned)t->num_rows,
                   row_words = (unsigned)t->row_words,
                   ranges = groups < MOST_RANGES ? groups : MOST_RANGES;
    const size_t scratch = t->scratch_bytes > 0 ? t->scratch_bytes : SCRATCH_ALIGN;
    KERF__TRY(fill_buffers(t, j, ranges));
    return kerf__launch_create_program(out, t->dev, t->program, "join",
                                       KERF__ARGS(ARG(j->rows), ARG(j->counters),
                                                  kerf__arg_local(scratch), ARG(num_rows),
                                                  ARG(row_words), ARG(groups), ARG(ranges)),
                                       kerf__grid_wide(groups, 1, 1));
}

static kerf_status make(kerf__launch **out, table *t, kerf__launch *const *launches)
{
    KERF__TRY(kerf__units_list(&t->units, launches, t->num_rows));
    KERF__TRY(kerf__join_find_program(&t->program, t->dev, &t->units));
    KERF__TRY(write_rows(t, launches));
    joined *j = kerf__alloc(1, sizeof *j);
    if (j == NULL)
        return kerf__fail_memory("joined launches", sizeof *j);
    kerf_status status = create_launch(out, t, j);
    if (status != KERF_OK) {
        destroy_joined(j);
        return status;
    }
    (*out)->context = j;
    (*out)->foreign_destroy = destroy_joined;
    return KERF_OK;
}

kerf_status kerf__launch_join(kerf__launch **out, kerf_device *dev, kerf__launch *const *launches,
                              size_t num)
{
    table t = {.dev = dev, .num_rows = num};
    *out = NULL;
    kerf_status status = make(out, &t, launches);
    kerf__units_clear(&t.units);
    free(t.words);
    return status;
}
