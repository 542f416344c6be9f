/* angle_loss.cl -- how far the angles between samples are from a teacher's, of squared distances.
 *
 * mine, theirs (n, n), symmetric.  The angle at j between i and k has the cosine
 * (S[j][i] + S[j][k] - S[k][i]) / 2 sqrt(S[j][i] S[j][k]), so no more than the distances is in
 * memory.  An item has V elements q of row p: it adds up the losses of angles at p that begin with
 * q, and finds their slopes, those at p twice (each angle is there from both ends) and those at all
 * others in which p and q lie across.  Samples so near that rounding says where they lie have no
 * direction: cosines are 0 there.
 *
 * Limit: four square roots an angle, n^3 angles; PoCL on two cores of Zen 5: 128 samples 0.60 ms,
 * 256 4.7.  Host side: lib/ops/angle_loss.c. */
#include "rows.clh"
#include "mean.clh"

/* Squares are in parts of their mean. */
#define NONE 1e-5f

/* 1 / distance; 0 where there is none. */
#define INVERSE(x, has) select((floatv)(0.0f), rsqrt(fmax((x), (floatv)(NONE))), (has))
#define LOAD_ROW(s, r)  load_some((s) + (size_t)(r)*n + q, n - q, (size_t)(n - (r)) * n - q, 0.0f)

static inline floatv cosine(floatv a, floatv b, floatv across, floatv inverses)
{
    return (a + b - across) * 0.5f * inverses;
}

/* Of Huber's loss of d. */
static inline floatv slope_of(floatv d)
{
    return fmin(fmax(d, (floatv)(-1.0f)), (floatv)(1.0f));
}

static inline floatv huber(floatv d)
{
    const floatv e = fabs(d);
    return select(e - 0.5f, e * e * 0.5f, e < (floatv)(1.0f));
}

kernel void angle_rows(global const float *mine, global const float *theirs,
                       global const float *settings, global float *diff, global float *losses,
                       float scale, uint at, uint n, uint blocks)
{
    const uint block = (uint)get_global_id(0), p = (uint)get_global_id(1);
    if (block >= blocks)
        return;
    const uint q = block * V;
    const intv lane = LANES + (intv)((int)q);
    const intv is_pair = lane != (intv)((int)p);
    const floatv a = LOAD_ROW(mine, p), a2 = LOAD_ROW(theirs, p);
    const floatv by_a = INVERSE(a, is_pair && a > (floatv)(NONE));
    const floatv by_a2 = INVERSE(a2, is_pair && a2 > (floatv)(NONE));
    floatv sum = (floatv)(0.0f), slopes = (floatv)(0.0f);
    for (uint k = 0; k < n; k++) {
        const intv apart = is_pair && lane != (intv)((int)k);
        const floatv e = LOAD_ROW(mine, k), e2 = LOAD_ROW(theirs, k);
        const float b = mine[(size_t)k * n + p], b2 = theirs[(size_t)k * n + p];
        if (k == p)
            continue;
        const float by_b = b > NONE ? rsqrt(b) : 0.0f, by_b2 = b2 > NONE ? rsqrt(b2) : 0.0f;

        const floatv at_p = cosine(a, (floatv)(b), e, by_a * by_b);
        const floatv at_p2 = cosine(a2, (floatv)(b2), e2, by_a2 * by_b2);
        const floatv off = select((floatv)(0.0f), at_p - at_p2, apart);
        sum += huber(off);
        slopes += slope_of(off) * (by_a * by_b - at_p * by_a * by_a);

        const floatv by_e = INVERSE(e, apart && e > (floatv)(NONE));
        const floatv by_e2 = INVERSE(e2, apart && e2 > (floatv)(NONE));
        const floatv at_k = cosine(e, (floatv)(b), a, by_e * by_b);
        const floatv at_k2 = cosine(e2, (floatv)(b2), a2, by_e2 * by_b2);
        const floatv off_k = select((floatv)(0.0f), at_k - at_k2, apart);
        slopes -= slope_of(off_k) * (0.5f * by_e * by_b);
    }
    const float weight = settings[at] * scale;
    store_some(slopes * weight, diff + (size_t)p * n + q, n - q);
    losses[(size_t)p * blocks + block] =
        sum_lanes(select((floatv)(0.0f), sum, lane < (intv)((int)n))) * weight;
}
