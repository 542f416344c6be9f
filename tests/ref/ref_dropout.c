/* ref_dropout.c -- the definition: an element is kept if its number of the host's Philox is at
 * least ratio * 2^32.  Element e has word e / 16 % 4 of block e / 64 * 16 + e % 16. */
#include "base/random.h"
#include "ref/ref.h"

REF(dropout)
{
    size_t num_keys;
    const int64_t *key = kerf_node_ints(n, "key", &num_keys);
    const double ratio = (double)kerf_node_float(n, "ratio", 0.5f);
    const kerf__random random = {{(uint32_t)key[0], (uint32_t)key[1]}};
    const int64_t num = kerf_shape_num_elements(n->inputs[0]->shape);
    const uint64_t step = (uint64_t)inputs[1][3];
    for (int64_t e = 0; e < num; e++) {
        uint32_t words[4];
        kerf__random_block(random, step, (uint64_t)(e / 64 * 16 + e % 16), words);
        const int kept = (double)words[e / 16 % 4] >= ratio * 4294967296.0 && ratio < 1;
        outputs[0][e] = kept ? inputs[0][e] / (1 - ratio) : 0;
    }
}
