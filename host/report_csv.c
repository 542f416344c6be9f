/* report_csv.c -- the numbers of runs, a line each, for whoever draws pictures of their own; see
 * report_text.h.  One form for all of them, so that no table's columns depend on what there is. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "report_text.h"

/* Quoted; a text that a spreadsheet would compute begins with an apostrophe. */
void csv_text(FILE *out, const char *text)
{
    putc('"', out);
    if (text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL)
        putc('\'', out);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"')
            putc('"', out);
        putc(*p, out);
    }
    putc('"', out);
}

static void put_number(FILE *out, double x)
{
    if (isfinite(x))
        fprintf(out, "%.9g", x);
}

/* What is not known has no line. */
static void put_line(FILE *out, const run_record *r, const char *part, const char *name,
                     const char *quantity, double value)
{
    if (!isfinite(value))
        return;
    csv_text(out, r->name);
    putc(',', out);
    put_number(out, r->seed);
    fprintf(out, ",%s,", part);
    csv_text(out, name);
    fprintf(out, ",%s,", quantity);
    put_number(out, value);
    putc('\n', out);
}

typedef struct quantity {
    const char *name;
    size_t offset; /* of a double */
} quantity;

static const quantity of_epoch[] = {{"loss", offsetof(run_epoch, loss)},
                                    {"val_top1", offsetof(run_epoch, val_top1)},
                                    {"val_loss", offsetof(run_epoch, val_loss)},
                                    {"lr", offsetof(run_epoch, lr)},
                                    {"seconds", offsetof(run_epoch, seconds)},
                                    {"sparsity", offsetof(run_epoch, sparsity)},
                                    {"images_per_s", offsetof(run_epoch, images_per_s)}};
static const quantity of_side[] = {
    {"weights", offsetof(run_side, weights)}, {"nonzeros", offsetof(run_side, nonzeros)},
    {"bits", offsetof(run_side, bits)},       {"bytes", offsetof(run_side, bytes)},
    {"macs", offsetof(run_side, macs)},       {"ms", offsetof(run_side, ms)}};
static const quantity of_standing[] = {{"top1", offsetof(run_standing, top1)},
                                       {"top5", offsetof(run_standing, top5)},
                                       {"loss", offsetof(run_standing, loss)},
                                       {"samples", offsetof(run_standing, samples)}};

/* side NULL: the quantity has its own name. */
static void put_all(FILE *out, const run_record *r, const char *part, const char *name,
                    const char *side, const quantity *q, size_t num, const void *from)
{
    for (size_t i = 0; i < num; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s%s%s", q[i].name, side != NULL ? " " : "",
                 side != NULL ? side : "");
        put_line(out, r, part, name, text, *(const double *)((const char *)from + q[i].offset));
    }
}
#define NUM(rows) (sizeof(rows) / sizeof(rows)[0])

static void put_run(FILE *out, const run_record *r)
{
    for (size_t i = 0; i < r->num_epochs; i++) {
        char epoch[32];
        snprintf(epoch, sizeof epoch, "%.0f", r->epochs[i].epoch);
        put_all(out, r, "epoch", epoch, NULL, of_epoch, NUM(of_epoch), &r->epochs[i]);
    }
    for (size_t i = 0; i < r->num_events; i++)
        put_line(out, r, "event", r->events[i].what, "epochs", r->events[i].at);
    for (int k = 0; k < RUN_SIDES; k++) {
        const run_standing *s = &r->standing[k];
        put_all(out, r, "network", "", run_sides[k], of_standing, NUM(of_standing), s);
        put_all(out, r, "network", "", run_sides[k], of_side, NUM(of_side), &s->all);
    }
    for (size_t i = 0; i < r->num_layers; i++)
        for (int k = 0; k < RUN_SIDES; k++)
            put_all(out, r, "layer", r->layers[i].name, run_sides[k], of_side, NUM(of_side),
                    &r->layers[i].side[k]);
}

void report_csv(FILE *out, const run_record *runs, size_t num)
{
    fputs("run,seed,part,name,quantity,value\n", out);
    for (size_t i = 0; i < num; i++)
        put_run(out, &runs[i]);
}
