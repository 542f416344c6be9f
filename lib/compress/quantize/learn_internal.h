/* compress/quantize/learn_internal.h -- what the halves of learned rounding share.
 *
 *   learn.c         layer by layer: runs both networks, and keeps what was learned
 *   learn_layer.c   one layer, from what it takes and what it is to give */
#ifndef KERF_LEARN_INTERNAL_H
#define KERF_LEARN_INTERNAL_H

#include "compress/quantize/quantize_internal.h"

/* Batches of a value, one behind the other. */
typedef struct kerf__batches {
    float *data;      /* owned */
    kerf_shape shape; /* of one; rank -1: none came yet */
    size_t floats;    /* in one */
} kerf__batches;

/* A layer, and what it learns from. */
typedef struct kerf__lesson {
    const kerf__quantize_layer *layer;
    const kerf_state *s; /* the floats; on the device that learns */
    const kerf_quantize_options *options;
    kerf__batches taken, given; /* by the rounded network so far; by the floats, behind Relu */
    size_t num;                 /* of batches */
    int64_t steps;
    kerf_status (*tell)(void *context); /* after each step; a failure stops */
    void *context;
} kerf__lesson;

/* targets: the layer's weights, each rounded down or up.  Waits. */
kerf_status kerf__learn_layer(const kerf__lesson *x, float *targets);

#endif
