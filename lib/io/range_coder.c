/* io/range_coder.c -- see range_coder.h. */
#include "io/range_coder.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

/* ---- the coder ---------------------------------------------------------------------------------
 */

static void put_byte(kerf__range_coder *c, unsigned byte)
{
    if (!kerf__grow((void **)&c->out, &c->capacity, c->num_out, 1)) {
        c->failed = 1;
        return;
    }
    c->out[c->num_out++] = (unsigned char)byte;
}

void kerf__range_shift(kerf__range_coder *c)
{
    if (c->low < 0xff000000u || c->low >> 32 != 0) {
        const unsigned carry = (unsigned)(c->low >> 32);
        for (unsigned byte = c->held; c->num_held > 0 && !c->failed; c->num_held--, byte = 0xff)
            put_byte(c, (byte + carry) & 255);
        c->held = (unsigned char)(c->low >> 24);
    }
    c->num_held++;
    c->low = (c->low & 0xffffff) << 8;
}

/* The first byte is always 0, and not among those given at the end. */
void kerf__range_begin_encoding(kerf__range_coder *c)
{
    *c = (kerf__range_coder){.range = UINT32_MAX, .num_held = 1};
}

kerf_status kerf__range_end_encoding(kerf__range_coder *c, unsigned char **bytes, size_t *num_bytes)
{
    enum { LAST_BYTES = 5 };
    for (int i = 0; i < LAST_BYTES; i++)
        kerf__range_shift(c);
    if (c->failed)
        return kerf__fail_memory("coder", c->num_out);
    *num_bytes = c->num_out - 1;
    memmove(c->out, c->out + 1, *num_bytes);
    *bytes = c->out;
    c->out = NULL;
    return KERF_OK;
}

void kerf__range_begin_decoding(kerf__range_coder *c, const unsigned char *bytes, size_t num_bytes)
{
    *c = (kerf__range_coder){.decodes = 1, .range = UINT32_MAX, .in = bytes, .num_in = num_bytes};
    for (int i = 0; i < 4; i++)
        c->code = c->code << 8 | kerf__range_byte(c);
}

void kerf__range_free(kerf__range_coder *c)
{
    free(c->out);
    c->out = NULL;
}

/* ---- guesses -----------------------------------------------------------------------------------
 */

void kerf__guess_forget(kerf__guess *g, size_t num)
{
    for (size_t i = 0; i < num; i++)
        g[i] = (kerf__guess){1u << 27, 0};
}

int kerf__squash(int64_t odds)
{
    static const uint16_t points[33] = {
        22,    36,    60,    98,    162,   267,   439,   720,   1179,  1921,  3108,
        4971,  7812,  11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
        62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514};
    const int x = odds < -2047 ? -2047 : odds > 2047 ? 2047 : (int)odds;
    const int i = (x + 2048) >> 7, part = (x + 2048) & 127;
    return points[i] + (((int)points[i + 1] - (int)points[i]) * part >> 7);
}

void kerf__fill_stretch(int16_t stretch[KERF__GUESS_ODDS])
{
    int at = 0;
    for (int x = -2047; x <= 2047; x++)
        for (const int end = kerf__squash(x) >> 4; at <= end; at++)
            stretch[at] = (int16_t)x;
    for (; at < KERF__GUESS_ODDS; at++)
        stretch[at] = 2047;
}
