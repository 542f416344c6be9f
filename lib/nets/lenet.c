/* nets/lenet.c -- LeNet-300-100: the fully connected network of LeCun et al. 1998, on which
 * the pruning literature measures itself. */
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
