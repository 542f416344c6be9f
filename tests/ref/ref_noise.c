/* ref_noise.c -- the definition, by the host's Philox: element e has word e / 16 % 4 of block
 * e / 64 * 16 + e % 16; of normal numbers words 0 and 1, 2 and 3 make two. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "ref/ref.h"

static double unit(uint32_t word)
{
    return (double)(word / 512 * 2 + 1) / 16777216.0;
}

static double normal(const uint32_t pair[2], int second)
{
    static const double PI = 3.14159265358979323846;
    const double angle = 2 * PI * unit(pair[1]);
    return sqrt(-2 * log(unit(pair[0]))) * (second ? sin(angle) : cos(angle));
}

REF(noise)
{
    size_t num_keys;
    const int64_t *key = kerf_node_ints(n, "key", &num_keys);
    const int is_normal = strcmp(kerf_node_string(n, "value", ""), "normal") == 0;
    const kerf__random random = {{(uint32_t)key[0], (uint32_t)key[1]}};
    const int64_t num = kerf_shape_num_elements(n->inputs[0]->shape);
    for (int64_t e = 0; e < num; e++) {
        const int which = (int)(e / 16 % 4);
        uint32_t words[4];
        kerf__random_block(random, (uint64_t)inputs[1][3], (uint64_t)(e / 64 * 16 + e % 16), words);
        const double u = unit(words[which]);
        outputs[0][e] = is_normal ? normal(words + which / 2 * 2, which % 2) : log(u) - log(1 - u);
    }
}
