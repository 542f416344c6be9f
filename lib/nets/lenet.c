/* nets/lenet.c -- the networks of LeCun et al. 1998, on which the pruning literature measures
 * itself: the fully connected LeNet-300-100, LeNet-5 as Caffe has it (20-50-500, without the
 * activations between convolutions and pools), and as the paper has it (6-16-120-84) with ReLU
 * and max pooling in the place of scaled tanh and trained averages. */
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

static const kerf__net_filters FILTERS_5X5 = {{5, 1, 0}, 1, 1};
static const kerf__window POOL_2X2 = {2, 2, 0};

kerf_status kerf__net_lenet_5(kerf__net *net)
{
    kerf_value *x = kerf__net_input(net);
    x = kerf__net_conv(net, "conv1", x, kerf__net_width(net, 20), FILTERS_5X5);
    x = kerf__net_max_pool(net, "pool1", x, POOL_2X2);
    x = kerf__net_conv(net, "conv2", x, kerf__net_width(net, 50), FILTERS_5X5);
    x = kerf__net_max_pool(net, "pool2", x, POOL_2X2);
    x = kerf__net_flatten(net, "flatten", x);
    x = kerf__net_linear(net, "fc1", x, kerf__net_width(net, 500));
    x = kerf__net_relu(net, "relu1", x);
    x = kerf__net_linear(net, "fc2", x, net->options.classes);
    kerf__net_output(net, x);
    return net->status;
}

kerf_status kerf__net_lenet_5_classic(kerf__net *net)
{
    const kerf__net_filters padded = {{5, 1, 2}, 1, 1}; /* 28 x 28 stands for the paper's 32 x 32 */
    kerf_value *x = kerf__net_input(net);
    x = kerf__net_conv(net, "conv1", x, kerf__net_width(net, 6), padded);
    x = kerf__net_relu(net, "relu1", x);
    x = kerf__net_max_pool(net, "pool1", x, POOL_2X2);
    x = kerf__net_conv(net, "conv2", x, kerf__net_width(net, 16), FILTERS_5X5);
    x = kerf__net_relu(net, "relu2", x);
    x = kerf__net_max_pool(net, "pool2", x, POOL_2X2);
    x = kerf__net_flatten(net, "flatten", x);
    x = kerf__net_linear(net, "fc1", x, kerf__net_width(net, 120));
    x = kerf__net_relu(net, "relu3", x);
    x = kerf__net_linear(net, "fc2", x, kerf__net_width(net, 84));
    x = kerf__net_relu(net, "relu4", x);
    x = kerf__net_linear(net, "fc3", x, net->options.classes);
    kerf__net_output(net, x);
    return net->status;
}
