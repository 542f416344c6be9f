/* progress.c -- bars and epoch lines, on standard error; see progress.h. */
#include "progress.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

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
    *p = (progress){.is_quiet = o->quiet, .what = what};
    p->shows_bar = !o->quiet && isatty(STDERR_FILENO);
}

void progress_clear(progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = 0;
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
    int filled = (int)(share * BAR_CELLS * 8);
    fprintf(stderr, "\r%s ", p->what);
    for (int i = 0; i < BAR_CELLS; i++) {
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

void progress_train(progress *p, const kerf_train_progress *t)
{
    if (t->finished != NULL)
        print_epoch(p, t->finished, t->num_epochs);
    if (!p->shows_bar || t->num_steps <= 0)
        return;
    char left[32], about[160];
    time_text(t->seconds_left, left, sizeof left);
    snprintf(about, sizeof about, "epoch %lld/%lld  %.0f images/s%s%s%s", (long long)t->epoch,
             (long long)t->num_epochs, t->samples_per_second, left[0] ? "  " : "", left,
             left[0] ? " left" : "");
    draw_bar(p, (double)t->step / (double)t->num_steps, about);
}

void progress_count(progress *p, double done, double total, const char *about)
{
    if (p->shows_bar && total > 0)
        draw_bar(p, done / total, about);
}
