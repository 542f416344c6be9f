/* ops/panels_common.h -- products of few rows of floats by weights in words of few bits, in panels
 * of 16 columns: what kerf.MatMulBlocks and kerf.MatMulCodes share.  Other halves: panels_common.c,
 * and on the device kernels/panels.clh.
 *
 * Input 0 is the rows, its last axis k; input 1 the words, uint8; attributes say bits (2, 4 or 8)
 * and columns. */
#ifndef KERF_OPS_PANELS_COMMON_H
#define KERF_OPS_PANELS_COMMON_H

#include "ops/op.h"

enum { KERF__PANEL_COLUMNS = 16, KERF__PANEL_WORD_BITS = 32 };

/* The first parameters of a candidate: rows and panels of its tile. */
enum { KERF__PANEL_ROWS, KERF__PANEL_PANELS };

typedef struct kerf__panels {
    int m, n, k, bits;
} kerf__panels;

/* Attributes, types of rows and words, and the shape of rows. */
kerf_status kerf__panels_check(const kerf_node *n);
/* Of a node that was checked. */
kerf__panels kerf__panels_of(const kerf_node *n);
/* The result; and the bias, where input `bias` is there. */
kerf_status kerf__panels_set_output(kerf_node *n, int bias);
double kerf__panels_macs(const kerf_node *n);

int kerf__panels_fit_simt(const kerf__op_case *c);
int kerf__panels_fit_wide(const kerf__op_case *c);

/* Cycles of one core, where a vector of weights takes `taking` to become floats. */
double kerf__panels_guess_wide(const kerf__op_case *c, double taking);
double kerf__panels_guess_simt(const kerf__op_case *c);

kerf__grid kerf__panels_grid_wide(const kerf__op_case *c);
kerf__grid kerf__panels_grid_simt(const kerf__op_case *c);

#endif
