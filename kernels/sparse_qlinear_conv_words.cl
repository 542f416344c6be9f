/* sparse_qlinear_conv_words.cl -- the pattern of weights of bytes: of each output channel the words
 * of four input channels, at one tap, that are not 0.
 *
 *     rows[k]           first entry of row k, and the sum of all its weights
 *     offsets[], words  the word's number * 256 + tap, ascending in a row; and the word
 *
 * A word beyond the last channel is filled up with zeros.  Three launches: words are counted,
 * counts become first entries, and the words are written.  Limit: reading the weights twice, once
 * for each version of them.  Host side: lib/ops/sparse_qlinear_conv_words.c. */
#define TAP_BITS 8 /* of an offset */
#define WORD     4 /* channels */

/* Channels c to c + 3 at a tap, of a row whose channels are `taps` bytes apart. */
static inline char4 word_of(global const char *row, int c, int tap, int channels, int taps)
{
    global const char *at = row + c * taps + tap;
    const int left = channels - c;
    return (char4)(at[0], left > 1 ? at[taps] : (char)0, left > 2 ? at[2 * taps] : (char)0,
                   left > 3 ? at[3 * taps] : (char)0);
}

/* Counts go one row on, where scan leaves the row's end. */
kernel void sparse_words_count(global const char *weights, global int2 *rows, int num_rows,
                               int channels, int taps)
{
    const int k = (int)get_global_id(0);
    int num = 0, sum = 0;
    if (k >= num_rows)
        return;
    weights += (size_t)k * channels * taps;
    for (int c = 0; c < channels; c += WORD)
        for (int tap = 0; tap < taps; tap++) {
            const char4 word = word_of(weights, c, tap, channels, taps);
            num += as_int(word) != 0;
            sum += word.x + word.y + word.z + word.w;
        }
    rows[k + 1].x = num;
    rows[k].y = sum;
}

kernel void sparse_words_scan(global int2 *rows, int num_rows)
{
    int sum = 0;
    if (get_global_id(0) != 0)
        return;
    rows[0].x = 0;
    rows[num_rows].y = 0;
    for (int k = 1; k <= num_rows; k++) {
        sum += rows[k].x;
        rows[k].x = sum;
    }
}

/* Entries that no word has are 0. */
kernel void sparse_words_fill(global const char *weights, global const int2 *rows,
                              global int *offsets, global char4 *words, int num_rows, int channels,
                              int taps, int capacity)
{
    const int k = (int)get_global_id(0), last = (int)get_global_size(0);
    for (int i = rows[num_rows].x + k; i < capacity; i += last) {
        offsets[i] = 0;
        words[i] = (char4)(0);
    }
    if (k >= num_rows)
        return;
    int at = rows[k].x;
    weights += (size_t)k * channels * taps;
    for (int c = 0; c < channels; c += WORD)
        for (int tap = 0; tap < taps; tap++) {
            const char4 word = word_of(weights, c, tap, channels, taps);
            if (as_int(word) != 0) {
                offsets[at] = (c / WORD << TAP_BITS) + tap;
                words[at++] = word;
            }
        }
}
