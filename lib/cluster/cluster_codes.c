/* cluster/cluster_codes.c -- sums whose numbers travel as bytes; see kerf_ranks.begin_coded_sum.
 *
 * A slice is a float, the scale, and a byte a number: the nearest of -127 to 127 times the scale.
 * What that leaves out of a number its rank keeps and adds to it the next time, as does the rank
 * that adds a slice up with what the sum's own bytes leave out, so that nothing is lost but put off
 * (Seide et al. 2014, "1-bit stochastic gradient descent").  Where a float travels a byte does:
 * counts, places and the order of sums are cluster_sum.c's. */
#include <math.h>
#include <string.h>

#include "cluster/cluster_internal.h"

static float largest_of(const float *x, int num)
{
    float largest = 0;
    for (int i = 0; i < num; i++)
        largest = fmaxf(largest, fabsf(x[i]));
    return largest;
}

/* error becomes what the bytes leave out. */
static void encode(unsigned char *to, const float *restrict x, float *restrict error, int num,
                   float scale)
{
    const float inverse = scale > 0 ? 1 / scale : 0;
    signed char *codes = (signed char *)to + sizeof scale;
    memcpy(to, &scale, sizeof scale);
    for (int i = 0; i < num; i++) {
        const float code = fmaxf(-127, fminf(127, rintf(x[i] * inverse)));
        codes[i] = (signed char)code;
        error[i] = x[i] - code * scale;
    }
}

/* dst = or += what the bytes say. */
static void decode(float *restrict dst, const unsigned char *from, int num, int adds)
{
    float scale;
    const signed char *codes = (const signed char *)from + sizeof scale;
    memcpy(&scale, from, sizeof scale);
    for (int i = 0; i < num; i++)
        dst[i] = (adds ? dst[i] : 0) + scale * (float)codes[i];
}

/* Where slice i of the floats begins, whose bytes begin at first[i]. */
static int float_of(const kerf__sum *s, int i)
{
    return s->first[i] - i * KERF__SCALE_BYTES;
}

void kerf__codes_begin(kerf__sum *s, int ranks)
{
    for (int i = 0; i < s->num; i++)
        s->x[i] += s->error[i];
    const float scale = largest_of(s->x, s->num) / 127;
    for (int i = 0; i < ranks; i++) {
        const int at = float_of(s, i);
        encode(s->codes + s->first[i], s->x + at, s->error + at, s->counts[i] - KERF__SCALE_BYTES,
               scale);
    }
}

void kerf__codes_add(kerf__sum *s, int rank, int ranks)
{
    const int at = float_of(s, rank), num = s->counts[rank] - KERF__SCALE_BYTES;
    const unsigned char *others = (const unsigned char *)s->room, *own = s->codes + s->first[rank];
    float *left_out = s->room + s->room_floats - num; /* behind what has come */
    for (int r = 0; r < ranks; r++)
        decode(s->x + at, r == rank ? own : others + s->starts[r], num, r > 0);
    encode(s->codes + s->first[rank], s->x + at, left_out, num, largest_of(s->x + at, num) / 127);
    for (int i = 0; i < num; i++)
        s->error[at + i] += left_out[i];
}

void kerf__codes_end(kerf__sum *s, int ranks)
{
    for (int i = 0; i < ranks; i++)
        decode(s->x + float_of(s, i), s->codes + s->first[i], s->counts[i] - KERF__SCALE_BYTES, 0);
}
