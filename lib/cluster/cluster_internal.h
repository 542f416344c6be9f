/* cluster/cluster_internal.h -- ranks by MPI and who does what: cluster_mpi.c begins and ends,
 * cluster_sum.c adds up, cluster_codes.c by bytes, cluster_wait.c waits and finds out who does not
 * answer, cluster_tickets.c hands out work.
 *
 * (1) All communicators have all ranks, in one order.  What is collective on one of them is called
 *     by every rank in one order, so sums have two: their first halves follow each other, and so
 *     do their second halves, but how these lie between each other differs from rank to rank.
 * (2) Nobody waits in MPI, which takes a core for it: whoever waits asks and sleeps. */
#ifndef KERF_CLUSTER_INTERNAL_H
#define KERF_CLUSTER_INTERNAL_H

#include <mpi.h>

#include "kerf/cluster.h"

/* Sums under way. */
enum { KERF__MOST_SUMS = 32 };

typedef enum kerf__sum_stage {
    KERF__SUM_PARTING,
    KERF__SUM_GATHERING,
    KERF__SUM_OVER
} kerf__sum_stage;

typedef struct kerf__sum {
    kerf__sum_stage stage;
    float *x; /* borrowed; (num) */
    int num;
    MPI_Request request;
    float *room;        /* owned; (ranks - 1, own part): this rank's slice, of all others */
    size_t room_floats; /* kept for the next sum in this place */
    int *counts, *first,
        *sent;            /* owned, one block with the next; (ranks): of slices of x, or of codes */
    int *sizes, *starts;  /* (ranks): of those in room; this rank's is empty */
    float *error;         /* borrowed; (num); NULL: numbers travel as floats */
    unsigned char *codes; /* owned; each slice's scale and bytes */
    size_t codes_bytes;   /* kept like room_floats */
} kerf__sum;

struct kerf_cluster {
    kerf_ranks ranks;
    int local, machine, is_alone, aborts;
    double timeout_s;
    MPI_Comm parting, gathering; /* of the halves of sums */
    MPI_Comm control;            /* of all else; calls of the roll */
    MPI_Comm tickets;            /* of work that is handed out */
    int64_t next_ticket;         /* rank 0's */
    int ticket_round;            /* of handing out: how many are over */
    int is_leaving;              /* 1: waits until all are through */
    MPI_Request leaving;
    MPI_Comm failing;                      /* of those whose work has failed, wherever others are */
    char (*hosts)[MPI_MAX_PROCESSOR_NAME]; /* owned; (ranks) */
    kerf__sum sums[KERF__MOST_SUMS];       /* owned; a ring */
    size_t first_sum, num_sums;
};

/* ---- cluster_sum.c ---- */
kerf_status kerf__mpi_begin_sum(void *context, float *x, size_t num);
kerf_status kerf__mpi_begin_coded_sum(void *context, float *x, float *error, size_t num);
kerf_status kerf__mpi_advance(void *context, int waits, size_t *num_left);
kerf_status kerf__mpi_sum_doubles(void *context, double *x, size_t num);
/* Goes on with all that are under way; 1 if one went a stage further. */
int kerf__sums_advance(kerf_cluster *c);
void kerf__mpi_free_sums(kerf_cluster *c);

/* ---- cluster_codes.c: the three moments of a sum whose numbers travel as bytes ---- */
enum { KERF__SCALE_BYTES = 4 }; /* in front of each slice's bytes */
void kerf__codes_begin(kerf__sum *s, int ranks);
void kerf__codes_add(kerf__sum *s, int rank, int ranks);
void kerf__codes_end(kerf__sum *s, int ranks);

/* ---- cluster_wait.c ---- */
typedef struct kerf__watch {
    double since_ms;
    long num_naps;
} kerf__watch;
kerf__watch kerf__watch_begin(void);
/* Sleeps for a moment; KERF_ERR_FILE once it has been too long and somebody is silent. */
kerf_status kerf__watch_nap(kerf__watch *w, const kerf_cluster *c);
kerf_status kerf__mpi_wait(kerf_cluster *c, MPI_Request *request);
/* However long it takes. */
void kerf__mpi_sleep_until(MPI_Request *request);

#endif
