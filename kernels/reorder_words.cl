/* reorder_words.cl -- matrices of bytes into layouts k4 and n4 (lib/ops/layout_common.h): a panel
 * has 16 columns, a vector of it their bytes of four steps of k; behind the last vector stand the
 * sums of the columns in int32.  Bytes get a sign: `flip` is 0x80 where they have none.  Steps
 * behind the last, and columns, are 0.
 *
 * An item takes a panel: this is done once, not in a run.  Limit: single loads.  Host side:
 * lib/ops/reorder_words.c. */
#define LANES 16

kernel void reorder_words(global const uchar *src, global uchar *dst, int k, int n, int k_step,
                          int n_step, int flip)
{
    const int n0 = (int)get_global_id(0) * LANES, words = (k + 3) / 4;
    int sums[LANES] = {0};
    dst += (size_t)get_global_id(0) * (size_t)(words + 1) * (4 * LANES);
    src += (size_t)n0 * (size_t)n_step;
    for (int w = 0; w < words; w++)
        for (int lane = 0; lane < LANES; lane++)
            for (int q = 0; q < 4; q++) {
                const int p = 4 * w + q, inside = p < k && n0 + lane < n;
                const size_t at = (size_t)p * (size_t)k_step + (size_t)lane * (size_t)n_step;
                const uchar byte = (uchar)(inside ? src[at] ^ flip : 0);
                sums[lane] += as_char(byte);
                dst[((size_t)w * LANES + (size_t)lane) * 4 + (size_t)q] = byte;
            }
    for (int lane = 0; lane < LANES; lane++)
        vstore4(as_uchar4(sums[lane]), (size_t)(words * LANES + lane), dst);
}
