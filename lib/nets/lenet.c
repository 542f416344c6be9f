/* nets/lenet.c -- the networks of LeCun et al. 1998 on which the pruning literature measures
 * itself: LeNet-300-100, fully connected; LeNet-5 as Caffe has it, with 20 and 50 channels and no
 * activation behind its convolutions; and the classic LeNet-5 of 6 and 16, with ReLU and maxima
 * as it is used today, its 28 x 28 pixels padded to the 32 x 32 of the paper. */
#include "nets/layers.h"

kerf_status kerf__net_lenet_300_100(kerf__net *net)
{
    kerf_value *x = kerf__net_flatten(net, "flatten", kerf__net_input(net));
    x = kerf__net_linear(net, "fc1", x, kerf__net_width(net, 300));
    x = kerf__net_relu(net, "relu1", x);
    x = kerf__net_linear(net, "fc2", x, kerf__net_width(net, 100));
    x = kerf__net_relu(net, "relu2", x);
    x = kerf__net_linear(net, "fc3", x, net->options.classes);
    kerf__net_output(net, x);
    return net->status;
}

static const kerf__net_window HALF = {.kernel = 2, .stride = 2};

kerf_status kerf__net_lenet_5(kerf__net *net)
{
    const kerf__net_window window = {.kernel = 5, .stride = 1};
    kerf_value *x = kerf__net_input(net);
    x = kerf__net_conv(net, "conv1", x, kerf__net_width(net, 20), window);
    x = kerf__net_max_pool(net, "pool1", x, HALF);
    x = kerf__net_conv(net, "conv2", x, kerf__net_width(net, 50), window);
    x = kerf__net_max_pool(net, "pool2", x, HALF);
    x = kerf__net_flatten(net, "flatten", x);
    x = kerf__net_linear(net, "fc1", x, kerf__net_width(net, 500));
    x = kerf__net_relu(net, "relu1", x);
    x = kerf__net_linear(net, "fc2", x, net->options.classes);
    kerf__net_output(net, x);
    return net->status;
}

kerf_status kerf__net_lenet_5_classic(kerf__net *net)
{
    const kerf__net_window window = {.kernel = 5, .stride = 1};
    kerf_value *x = kerf__net_input(net);
    x = kerf__net_conv(net, "conv1", x, kerf__net_width(net, 6),
                       (kerf__net_window){.kernel = 5, .stride = 1, .pad = 2});
    x = kerf__net_relu(net, "relu1", x);
    x = kerf__net_max_pool(net, "pool1", x, HALF);
    x = kerf__net_conv(net, "conv2", x, kerf__net_width(net, 16), window);
    x = kerf__net_relu(net, "relu2", x);
    x = kerf__net_max_pool(net, "pool2", x, HALF);
    x = kerf__net_flatten(net, "flatten", x);
    x = kerf__net_linear(net, "fc1", x, kerf__net_width(net, 120));
    x = kerf__net_relu(net, "relu3", x);
    x = kerf__net_linear(net, "fc2", x, kerf__net_width(net, 84));
    x = kerf__net_relu(net, "relu4", x);
    x = kerf__net_linear(net, "fc3", x, net->options.classes);
    kerf__net_output(net, x);
    return net->status;
}
