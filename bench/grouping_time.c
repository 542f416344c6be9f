/* grouping_time.c -- what it takes to find which channels go together, and which residual blocks
 * there are, of every built-in network: the calls alone, the fastest of some.  By hand:
 *
 *     chrt -f 50 build/release/tests/grouping_time
 *
 * No weights are read, so there is no device. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "kerf/kerf.h"

enum { TIMES = 5 };

static void check(kerf_status status)
{
    if (status == KERF_OK)
        return;
    fprintf(stderr, "%s\n", kerf_last_error());
    exit(1);
}

static double channels_ms(const kerf_graph *g, const kerf_state *s, int *num)
{
    double least = INFINITY;
    for (int i = 0; i < TIMES; i++) {
        kerf_channels *c;
        const double began = kerf__now_ms();
        check(kerf_channels_find(&c, g, s));
        least = fmin(least, kerf__now_ms() - began);
        *num = kerf_channels_num_groups(c);
        kerf_channels_destroy(c);
    }
    return least;
}

static double depth_ms(const kerf_graph *g, const kerf_state *s, int *num)
{
    double least = INFINITY;
    for (int i = 0; i < TIMES; i++) {
        kerf_depth *d;
        const double began = kerf__now_ms();
        check(kerf_depth_find(&d, g, s));
        least = fmin(least, kerf__now_ms() - began);
        *num = kerf_depth_num_blocks(d);
        kerf_depth_destroy(d);
    }
    return least;
}

int main(void)
{
    const kerf_net_options shapes = {.seed = 1, .shapes_only = 1};
    const kerf_net_info *info;
    printf("network,groups,ms,blocks,ms\n");
    for (int i = 0; (info = kerf_net_list(i)) != NULL; i++) {
        kerf_graph *g;
        kerf_state *s;
        int groups, blocks;
        check(kerf_net_create(&g, &s, info->name, &shapes, NULL));
        const double of_groups = channels_ms(g, s, &groups), of_blocks = depth_ms(g, s, &blocks);
        printf("%s,%d,%.1f,%d,%.1f\n", info->name, groups, of_groups, blocks, of_blocks);
        kerf_graph_destroy(g);
        kerf_state_destroy(s);
    }
    return 0;
}
