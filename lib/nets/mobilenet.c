/* nets/mobilenet.c -- MobileNet-v2 (Sandler et al. 2018): inverted residuals, each a 1 x 1
 * convolution to `expand` times the channels, a depth-wise one, and a 1 x 1 one back. */
#include <stdio.h>

#include "graph/graph_internal.h"
#include "nets/layers.h"

enum { MAX_NAME = 64 };

typedef struct stage {
    int expand, size, num_blocks, stride;
} stage;

/* Table 2 of the paper. */
static const stage STAGES[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                               {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

static kerf_value *conv_norm(kerf__net *net, const char *name, kerf_value *x, int64_t size,
                             kerf__window window, int64_t groups)
{
    char norm[MAX_NAME];
    x = kerf__net_conv(net, name, x, size, (kerf__net_filters){window, groups, 0});
    snprintf(norm, sizeof norm, "%s.bn", name);
    return kerf__net_batch_norm(net, norm, x);
}

static kerf_value *conv_norm_relu6(kerf__net *net, const char *name, kerf_value *x, int64_t size,
                                   kerf__window window, int64_t groups)
{
    char relu6[MAX_NAME];
    snprintf(relu6, sizeof relu6, "%s.relu6", name);
    return kerf__net_relu6(net, relu6, conv_norm(net, name, x, size, window, groups));
}

static kerf_value *block(kerf__net *net, int i, kerf_value *src, int64_t size, int64_t stride,
                         int expand)
{
    char name[MAX_NAME - 8];
    if (net->status != KERF_OK)
        return NULL;
    const int64_t channels = src->shape.dims[1], hidden = channels * expand;
    kerf_value *x = src;
    snprintf(name, sizeof name, "block%d.expand", i);
    if (expand != 1)
        x = conv_norm_relu6(net, name, x, hidden, (kerf__window){1, 1, 0}, 1);
    snprintf(name, sizeof name, "block%d.depthwise", i);
    x = conv_norm_relu6(net, name, x, hidden, (kerf__window){3, stride, 1}, hidden);
    snprintf(name, sizeof name, "block%d.project", i);
    x = conv_norm(net, name, x, size, (kerf__window){1, 1, 0}, 1);
    snprintf(name, sizeof name, "block%d.add", i);
    return stride == 1 && channels == size ? kerf__net_add(net, name, src, x) : x;
}

kerf_status kerf__net_mobilenet_v2(kerf__net *net)
{
    kerf_value *x = kerf__net_input(net);
    int num = 0;
    x = conv_norm_relu6(net, "first", x, kerf__net_width(net, 32), (kerf__window){3, 2, 1}, 1);
    for (size_t s = 0; s < sizeof STAGES / sizeof STAGES[0]; s++)
        for (int b = 0; b < STAGES[s].num_blocks; b++)
            x = block(net, ++num, x, kerf__net_width(net, STAGES[s].size),
                      b == 0 ? STAGES[s].stride : 1, STAGES[s].expand);
    x = conv_norm_relu6(net, "last", x, kerf__net_width(net, 1280), (kerf__window){1, 1, 0}, 1);
    x = kerf__net_global_average_pool(net, "avgpool", x);
    x = kerf__net_flatten(net, "flatten", x);
    x = kerf__net_linear(net, "fc", x, net->options.classes);
    kerf__net_output(net, x);
    return net->status;
}
