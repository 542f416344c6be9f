/* nets/vgg.c -- VGG-16 (Simonyan and Zisserman 2015) as it is used for images of 32 x 32: batch
 * norm behind each of the 13 convolutions, and one fully connected layer for three. */
#include <stdio.h>

#include "nets/layers.h"

kerf_status kerf__net_vgg_16_cifar(kerf__net *net)
{
    enum { POOL = 0 };
    static const int LAYERS[] = {64,   64,  POOL, 128, 128,  POOL, 256, 256, 256,
                                 POOL, 512, 512,  512, POOL, 512,  512, 512, POOL};
    const kerf__net_filters filters = {{3, 1, 1}, 1, 1};
    kerf_value *x = kerf__net_input(net);
    int num_convs = 0, num_pools = 0;
    for (size_t i = 0; i < sizeof LAYERS / sizeof LAYERS[0]; i++) {
        char name[16];
        if (LAYERS[i] == POOL) {
            snprintf(name, sizeof name, "pool%d", ++num_pools);
            x = kerf__net_max_pool(net, name, x, (kerf__window){2, 2, 0});
            continue;
        }
        snprintf(name, sizeof name, "conv%d", ++num_convs);
        x = kerf__net_conv(net, name, x, kerf__net_width(net, LAYERS[i]), filters);
        snprintf(name, sizeof name, "bn%d", num_convs);
        x = kerf__net_batch_norm(net, name, x);
        snprintf(name, sizeof name, "relu%d", num_convs);
        x = kerf__net_relu(net, name, x);
    }
    x = kerf__net_flatten(net, "flatten", x);
    x = kerf__net_linear(net, "fc", x, net->options.classes);
    kerf__net_output(net, x);
    return net->status;
}
