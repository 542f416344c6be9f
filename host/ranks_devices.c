/* ranks_devices.c -- whether ranks of a machine got in each other's way when they chose devices;
 * see ranks.h.  Both are said once, by rank 0, and neither ends the work: a GPU may well be shared,
 * but who begins more ranks than there are GPUs mostly believes that there are more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_list.h"
#include "ranks.h"
#include "say.h"

/* What each rank tells of itself; doubles, as ranks add those up and all others' are 0. */
typedef struct place {
    double machine; /* its first rank */
    double gpu;     /* tells those of a machine apart; 0: what computes on its cores, which ranks
                     * share by intention */
} place;

/* Where it is plugged in, else which of the list: a number from 1, which a double holds. */
static double gpu_of(const kerf_device_info *info)
{
    uint64_t number = 14695981039346656037u; /* FNV-1a */
    char where[48];
    if (info->type != KERF_DEVICE_GPU)
        return 0;
    snprintf(where, sizeof where, info->pci[0] != '\0' ? "%s" : "%s%d", info->pci, info->index);
    for (const char *at = where; *at != '\0'; at++)
        number = (number ^ (unsigned char)*at) * 1099511628211u;
    return (double)(number >> 12) + 1;
}

/* The first rank that has what one before it has, and that one; *second is num where none does. */
static void find_shared(const place *places, int num, int *first, int *second)
{
    for (*second = 0; *second < num; (*second)++)
        for (*first = 0; *first < *second; (*first)++)
            if (places[*second].gpu > 0 && places[*first].gpu == places[*second].gpu &&
                places[*first].machine == places[*second].machine)
                return;
}

static int most_on_a_machine(const place *places, int num)
{
    int most = 0;
    for (int i = 0; i < num; i++) {
        int here = 0;
        for (int k = 0; k < num; k++)
            here += places[k].machine == places[i].machine;
        most = here > most ? here : most;
    }
    return most;
}

static void warn_of_list(const options *o, const place *places, int num)
{
    device_list list;
    const int most = most_on_a_machine(places, num);
    if (device_list_read(o, &list) == 0 && list.num > 1 && list.num < (size_t)most)
        warn(o,
             "%zu devices are named for %d ranks of a machine: from rank %zu of it on they take "
             "them again",
             list.num, most, list.num);
    device_list_free(&list);
}

/* Rank 0 knows no names of another machine's devices. */
static kerf_status warn_of_gpu(const options *o, const char *name, const place *places, int num)
{
    enum { MOST = sizeof((kerf_device_info){0}.name) };
    const kerf_ranks *all = ranks_of(o);
    char text[MOST] = "";
    int first = 0, second;
    find_shared(places, num, &first, &second);
    if (second == num)
        return KERF_OK;
    snprintf(text, sizeof text, "%s", name);
    const kerf_status status = all->take_from(all->context, second, text, sizeof text);
    if (status == KERF_OK)
        warn(
            o,
            "ranks %d and %d of one machine share %s: each must have a GPU of its own to be faster "
            "than one of them",
            first, second, text);
    return status;
}

int ranks_compare_devices(const options *o, const kerf_device *dev)
{
    const kerf_ranks *all = ranks_of(o);
    if (all == NULL || o->ranks->has_compared)
        return 0;
    o->ranks->has_compared = 1;
    const kerf_device_info *info = kerf_device_get_info(dev);
    place *places = calloc((size_t)all->num, sizeof *places);
    if (places == NULL)
        return fail_memory(o);
    places[all->rank] = (place){(double)kerf_cluster_machine(o->ranks->cluster), gpu_of(info)};
    kerf_status status = all->sum_doubles(all->context, (double *)places, 2 * (size_t)all->num);
    if (status == KERF_OK) {
        warn_of_list(o, places, all->num);
        status = warn_of_gpu(o, info->name, places, all->num);
    }
    free(places);
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}
