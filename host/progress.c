/* progress.c -- bars and epoch lines, on standard error; see progress.h. */
#include "progress.h"

#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "table.h"

enum { BAR_CELLS = 24 };

const char *time_text(double seconds, char *text, size_t text_bytes)
{
    text[0] = '\0';
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e7)
        return text;
    int s = (int)(seconds + 0.5);
    if (s >= 3600)
        snprintf(text, text_bytes, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, text_bytes, "%d:%02d", s / 60, s % 60);
    return text;
}

void progress_begin(progress *p, const options *o, const char *what)
{
    *p = (progress){.is_quiet = o->quiet, .what = what, .val_top1 = NAN};
    p->shows_bar = !o->quiet && isatty(STDERR_FILENO);
}

void progress_clear(progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = 0;
}

static int columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static int bar_cells(void)
{
    return columns() < 100 ? BAR_CELLS / 2 : BAR_CELLS;
}

/* Eighths of a character make a short bar move smoothly. */
static void draw_bar(progress *p, double share, const char *about)
{
    static const char *const eighths[] = {" ",
                                          "\xe2\x96\x8f",
                                          "\xe2\x96\x8e",
                                          "\xe2\x96\x8d",
                                          "\xe2\x96\x8c",
                                          "\xe2\x96\x8b",
                                          "\xe2\x96\x8a",
                                          "\xe2\x96\x89"};
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    const int cells = bar_cells();
    int filled = (int)(share * cells * 8);
    fprintf(stderr, "\r%s ", p->what);
    for (int i = 0; i < cells; i++) {
        int part = filled - i * 8;
        fputs(part >= 8 ? "\xe2\x96\x88" : eighths[part > 0 ? part : 0], stderr);
    }
    fprintf(stderr, " %3.0f %%  %s\033[K", share * 100, about);
    fflush(stderr);
    p->drawn = 1;
}

static void print_epoch(progress *p, const kerf_epoch *e, int64_t num_epochs)
{
    progress_clear(p);
    if (p->is_quiet)
        return;
    fprintf(stderr, "epoch %3lld/%lld  loss %.4f", (long long)e->epoch, (long long)num_epochs,
            e->loss);
    if (isfinite(e->val_top1))
        fprintf(stderr, "  val %.2f %%", e->val_top1);
    fprintf(stderr, "  lr %.4g", e->lr);
    if (e->sparsity > 0)
        fprintf(stderr, "  zeros %.2f %%", e->sparsity * 100);
    fprintf(stderr, "  %.1f s\n", e->seconds);
}

/* ---- what stands behind the bar ------------------------------------------------------------- */

enum { NUM_PARTS = 6, PART_BYTES = 40 };

/* In the order of the line; "" where unknown. */
static void fill_parts(char parts[NUM_PARTS][PART_BYTES], const progress *p,
                       const kerf_train_progress *t)
{
    char left[32], rate[32];
    for (int i = 0; i < NUM_PARTS; i++)
        parts[i][0] = '\0';
    snprintf(parts[0], PART_BYTES, "epoch %lld/%lld", (long long)t->epoch,
             (long long)t->num_epochs);
    if (isfinite(t->loss))
        snprintf(parts[1], PART_BYTES, "loss %.4f", t->loss);
    if (isfinite(p->val_top1))
        snprintf(parts[2], PART_BYTES, "val %.2f %%", p->val_top1);
    if (t->sparsity > 0)
        snprintf(parts[3], PART_BYTES, "zeros %.2f %%", 100 * t->sparsity);
    if (t->samples_per_second > 0)
        snprintf(parts[4], PART_BYTES, "%s images/s",
                 grouped(floor(t->samples_per_second), rate, sizeof rate));
    if (time_text(t->seconds_left, left, sizeof left)[0] != '\0')
        snprintf(parts[5], PART_BYTES, "%s left", left);
}

/* A line that is broken in two is not taken away again, so on a narrow terminal what matters least
 * goes first. */
static void join_parts(char *about, char parts[NUM_PARTS][PART_BYTES], int room)
{
    static const int least_first[] = {4, 3, 2, 1, 0};
    int length = 0;
    for (int i = 0; i < NUM_PARTS; i++)
        length += parts[i][0] != '\0' ? (int)strlen(parts[i]) + 2 : 0;
    for (size_t k = 0; k < sizeof least_first / sizeof least_first[0] && length > room; k++) {
        char *part = parts[least_first[k]];
        length -= part[0] != '\0' ? (int)strlen(part) + 2 : 0;
        part[0] = '\0';
    }
    about[0] = '\0';
    for (int i = 0; i < NUM_PARTS; i++)
        if (parts[i][0] != '\0')
            strcat(strcat(about, about[0] != '\0' ? "  " : ""), parts[i]);
}

void progress_train(progress *p, const kerf_train_progress *t)
{
    char parts[NUM_PARTS][PART_BYTES], about[NUM_PARTS * (PART_BYTES + 2)];
    if (t->finished != NULL) {
        print_epoch(p, t->finished, t->num_epochs);
        p->val_top1 = t->finished->val_top1;
    }
    if (!p->shows_bar || t->num_steps <= 0)
        return;
    fill_parts(parts, p, t);
    join_parts(about, parts, columns() - (int)strlen(p->what) - bar_cells() - 8);
    draw_bar(p, (double)t->step / (double)t->num_steps, about);
}

void progress_count(progress *p, double done, double total, const char *about)
{
    if (p->shows_bar && total > 0)
        draw_bar(p, done / total, about);
}
