/* ranks.c -- one of several ranks: who speaks, who writes, which device; see ranks.h.
 *
 * What a rank that is not heard says to standard error goes to a file without a name, whose end is
 * shown if this rank alone fails: what all say alike is said once. */
#include "ranks.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device_list.h"
#include "say.h"

const kerf_ranks *ranks_of(const options *o)
{
    const kerf_ranks *all = o->ranks != NULL && o->ranks->cluster != NULL
                                ? kerf_cluster_ranks(o->ranks->cluster)
                                : NULL;
    return all != NULL && all->num > 1 ? all : NULL;
}

int ranks_writes(const options *o)
{
    const kerf_ranks *all = ranks_of(o);
    return all == NULL || all->rank == 0;
}

int ranks_take_first(const options *o, void *bytes, size_t num_bytes)
{
    const kerf_ranks *all = ranks_of(o);
    const kerf_status status =
        all != NULL ? all->take_from(all->context, 0, bytes, num_bytes) : KERF_OK;
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

int ranks_agree(const options *o, int code)
{
    const int failed = ranks_take_first(o, &code, sizeof code);
    return failed != 0 ? failed : code;
}

/* ---- work in pieces -------------------------------------------------------------------------- */

int ranks_take_piece(const options *o, int64_t *piece, int64_t num)
{
    const kerf_status status = kerf_cluster_take_ticket(o->ranks->cluster, piece);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    *piece = *piece < num ? *piece : num;
    return 0;
}

int ranks_attend(const options *o, int is_through)
{
    return kerf_cluster_attend(o->ranks->cluster, is_through);
}

int ranks_share_codes(const options *o, double *codes, size_t num)
{
    const kerf_ranks *all = ranks_of(o);
    const kerf_status status = all != NULL ? all->sum_doubles(all->context, codes, num) : KERF_OK;
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

/* ---- who speaks ------------------------------------------------------------------------------ */

/* Results are rank 0's, messages where somebody wants to hear them. */
static void hush(ranks *r, int is_verbose)
{
    FILE *words = is_verbose ? NULL : tmpfile();
    if (freopen("/dev/null", "w", stdout) == NULL || words == NULL)
        return; /* twice said is better than not at all */
    r->voice = dup(STDERR_FILENO);
    if (r->voice >= 0)
        dup2(fileno(words), STDERR_FILENO);
    fclose(words);
}

/* The last of what was said, but for progress, behind the rank's number. */
static void show_words(const ranks *r)
{
    enum { MOST = 2048 };
    static const char PROGRESS[] = "epoch ";
    char text[MOST + 1];
    const off_t end = lseek(STDERR_FILENO, 0, SEEK_END);
    lseek(STDERR_FILENO, end > MOST ? end - MOST : 0, SEEK_SET);
    const ssize_t got = read(STDERR_FILENO, text, MOST);
    text[got > 0 ? got : 0] = '\0';
    dup2(r->voice, STDERR_FILENO);
    char *line = strtok(text, "\n");
    if (end > MOST)
        line = strtok(NULL, "\n"); /* the first is cut */
    for (; line != NULL; line = strtok(NULL, "\n"))
        if (strncmp(line, PROGRESS, sizeof PROGRESS - 1) != 0)
            fprintf(stderr, "rank %d: %s\n", kerf_cluster_ranks(r->cluster)->rank, line);
}

/* ---- begin and end --------------------------------------------------------------------------- */

/* Before the options are parsed there is only this look at them. */
static int is_verbose(const options *o)
{
    for (int i = 0; i < o->argc; i++)
        if (strcmp(o->argv[i], "-v") == 0 || strcmp(o->argv[i], "--verbose") == 0)
            return 1;
    return 0;
}

int ranks_open(options *o, ranks *r)
{
    *r = (ranks){.voice = -1};
    const kerf_status status = kerf_cluster_open(&r->cluster);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    o->ranks = r;
    if (ranks_of(o) == NULL)
        return 0;
    if (!ranks_writes(o))
        hush(r, is_verbose(o));
    if ((o->groups & GROUP_RANKS) == 0)
        return fail_usage(o, "is no work for several: must be begun without mpirun");
    return 0;
}

int ranks_close(options *o, int code)
{
    ranks *r = o->ranks;
    if (r == NULL)
        return code;
    const int is_alone = code != 0 && ranks_of(o) != NULL && !kerf_cluster_fail(r->cluster);
    fflush(stderr);
    if (is_alone && r->voice >= 0)
        show_words(r);
    kerf_cluster_close(r->cluster);
    o->ranks = NULL;
    return code;
}

/* ---- devices --------------------------------------------------------------------------------- */

/* Of several GPUs each rank of a machine takes another one; of what computes on the same cores,
 * all take the one that a process alone would take. */
static const char *gpu_number(size_t i, char *text, size_t text_bytes)
{
    kerf_device_info *list;
    size_t num, num_gpus = 0;
    if (kerf_device_list(&list, &num) != KERF_OK)
        return NULL;
    for (size_t k = 0; k < num; k++)
        num_gpus += list[k].type == KERF_DEVICE_GPU;
    size_t left = num_gpus > 0 ? i % num_gpus : 0;
    for (size_t k = 0; k < num && num_gpus > 0; k++)
        if (list[k].type == KERF_DEVICE_GPU && left-- == 0)
            snprintf(text, text_bytes, "%d", list[k].index);
    kerf_device_list_free(list);
    return num_gpus > 0 ? text : NULL;
}

const char *ranks_device(const options *o, char *text, size_t text_bytes)
{
    const size_t i = (size_t)kerf_cluster_local_rank(o->ranks->cluster);
    const char *chosen = o->device;
    device_list list;
    if (device_list_read(o, &list) == 0)
        chosen = list.at[i % list.num];
    chosen =
        chosen != NULL ? strncpy(text, chosen, text_bytes - 1) : gpu_number(i, text, text_bytes);
    device_list_free(&list);
    return chosen;
}
