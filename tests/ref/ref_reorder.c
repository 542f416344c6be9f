/* ref_reorder.c -- the definition of kerf.Reorder: element by element, where it lies on either
 * side. */
#include "ref/ref.h"

#include <string.h>

typedef struct sides {
    int64_t outer, channels, pixels, blocks;
    int from_blocks, blocks_first;
} sides;

static sides sides_of(const kerf_node *n)
{
    const char *layouts = kerf_node_string(n, "layouts", "");
    const int axis = strstr(layouts, "o16") != NULL ? 0 : 1;
    sides s = {1, 0, 1, 0, strncmp(layouts, "plain>", 6) != 0, strstr(layouts, "i16") != NULL};
    const kerf_shape plain = s.from_blocks ? n->outputs[0]->shape : n->inputs[0]->shape;
    for (int i = 0; i < axis; i++)
        s.outer *= plain.dims[i];
    s.channels = plain.dims[axis];
    for (int i = axis + 1; i < plain.rank; i++)
        s.pixels *= plain.dims[i];
    s.blocks = (s.channels + 15) / 16;
    return s;
}

REF(reorder)
{
    const sides s = sides_of(n);
    for (int64_t o = 0; o < s.outer; o++)
        for (int64_t c = 0; c < 16 * s.blocks; c++)
            for (int64_t p = 0; p < s.pixels; p++) {
                const int64_t plain = (o * s.channels + c) * s.pixels + p;
                const int64_t block =
                    s.blocks_first ? c / 16 * s.outer + o : o * s.blocks + c / 16;
                const int64_t blocked = (block * s.pixels + p) * 16 + c % 16;
                if (s.from_blocks && c < s.channels)
                    outputs[0][plain] = inputs[0][blocked];
                else if (!s.from_blocks)
                    outputs[0][blocked] = c < s.channels ? inputs[0][plain] : 0;
            }
}
