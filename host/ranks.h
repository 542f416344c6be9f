/* ranks.h -- the command as one of several that mpirun or srun began together (docs/cluster.md).
 * All do the same work, each on a device of its own; rank 0 alone writes files and speaks, unless
 * -v is given or another rank alone has failed.  Other halves: ranks.c, ranks_compare.c,
 * ranks_devices.c. */
#ifndef HOST_RANKS_H
#define HOST_RANKS_H

#include "kerf/kerf.h"
#include "options.h"

struct session;

typedef struct ranks {
    kerf_cluster *cluster; /* owned; NULL: not opened */
    int voice;             /* standard error as it was; -1: this rank speaks */
    int has_compared;      /* devices, which is done once */
} ranks;

/* Before options are parsed, as words about them are rank 0's; o->ranks is r from here on.
 * 0 or an exit code after a message.  Close it in any case. */
int ranks_open(options *o, ranks *r);
/* How this rank ended becomes how all ended; returns the exit code. */
int ranks_close(options *o, int code);

/* Behind parsing: ranks with other commands, options or versions are refused.  ranks_compare.c. */
int ranks_compare_options(const options *o);
/* The same of the recipe that they were given, and of weights and data. */
int ranks_compare_recipe(const options *o);
int ranks_compare_session(const options *o, const struct session *s);

/* NULL: this process is alone. */
const kerf_ranks *ranks_of(const options *o);
/* 1 on the one rank that writes files. */
int ranks_writes(const options *o);
/* Where one rank did what all wait for: its exit code, on all. */
int ranks_agree(const options *o, int code);
/* What rank 0 has, on all; 0 or an exit code after a message. */
int ranks_take_first(const options *o, void *bytes, size_t num_bytes);

/* Work in whole pieces, one after the other to whoever is free; alone, all of it is this process'.
 * *piece becomes num where nothing is left; 0 or an exit code after a message. */
int ranks_take_piece(const options *o, int64_t *piece, int64_t num);
/* Every few milliseconds in between; once this rank takes no more (is_through) until it says 1:
 * all are through. */
int ranks_attend(const options *o, int is_through);
/* Of one rank each, 0 on others: how each piece ended, on all. */
int ranks_share_codes(const options *o, double *codes, size_t num);

/* The device of one of several ranks, as kerf_device_open() names it: its own of those that
 * --device or KERF_DEVICE lists; else, of GPUs, one each.  NULL: what a process alone takes. `text`
 * is zeroed and holds what is returned. */
const char *ranks_device(const options *o, char *text, size_t text_bytes);
/* Behind opening them, before ranks train together: warns where two of a machine have one GPU, or
 * take a list of devices from its beginning again.  0 or an exit code after a message. */
int ranks_compare_devices(const options *o, const kerf_device *dev);

#endif
