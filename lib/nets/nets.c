/* nets/nets.c -- the table of built-in networks, and the checks before one is built. */
#include "kerf/nets.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "nets/layers.h"

typedef struct net_entry {
    kerf_net_info info;
    kerf_status (*build)(kerf__net *net);
} net_entry;

static const net_entry NETS[] = {
    {{"lenet-300-100", "784-300-100-10 with ReLU (LeCun et al. 1998)", {1, 28, 28}, 10},
     kerf__net_lenet_300_100},
    {{"lenet-5", "20-50-500-10 as in Caffe", {1, 28, 28}, 10}, kerf__net_lenet_5},
    {{"lenet-5-classic",
      "6-16-120-84-10 with ReLU and max pooling (LeCun et al. 1998)",
      {1, 28, 28},
      10},
     kerf__net_lenet_5_classic},
    {{"resnet-18", "residual network of 18 layers (He et al. 2016)", {3, 224, 224}, 1000},
     kerf__net_resnet_18},
    {{"resnet-34", "residual network of 34 layers (He et al. 2016)", {3, 224, 224}, 1000},
     kerf__net_resnet_34},
    {{"resnet-50", "residual network of 50 layers (He et al. 2016)", {3, 224, 224}, 1000},
     kerf__net_resnet_50},
    {{"resnet-101", "residual network of 101 layers (He et al. 2016)", {3, 224, 224}, 1000},
     kerf__net_resnet_101},
    {{"resnet-152", "residual network of 152 layers (He et al. 2016)", {3, 224, 224}, 1000},
     kerf__net_resnet_152},
    {{"resnet-18-cifar", "the same with a first layer for small images", {3, 32, 32}, 10},
     kerf__net_resnet_18_cifar},
    {{"resnet-34-cifar", "the same with a first layer for small images", {3, 32, 32}, 10},
     kerf__net_resnet_34_cifar},
    {{"resnet-50-cifar", "the same with a first layer for small images", {3, 32, 32}, 10},
     kerf__net_resnet_50_cifar},
    {{"resnet-101-cifar", "the same with a first layer for small images", {3, 32, 32}, 10},
     kerf__net_resnet_101_cifar},
    {{"resnet-152-cifar", "the same with a first layer for small images", {3, 32, 32}, 10},
     kerf__net_resnet_152_cifar},
    {{"vgg-16-cifar",
      "VGG-16 with batch norm for small images (Simonyan and Zisserman 2015)",
      {3, 32, 32},
      10},
     kerf__net_vgg_16_cifar},
    {{"mobilenet-v2", "inverted residuals (Sandler et al. 2018)", {3, 224, 224}, 1000},
     kerf__net_mobilenet_v2},
};
enum { NUM_NETS = sizeof NETS / sizeof NETS[0] };

/* Far beyond any network, and small enough that no product of sizes overflows. */
static const int64_t MAX_SIZE = 1 << 20;

const kerf_net_info *kerf_net_list(int i)
{
    return i >= 0 && i < NUM_NETS ? &NETS[i].info : NULL;
}

static const net_entry *find(const char *name)
{
    for (int i = 0; i < NUM_NETS; i++)
        if (strcmp(NETS[i].info.name, name) == 0)
            return &NETS[i];
    return NULL;
}

static kerf_status fail_unknown(const char *name)
{
    char names[512] = "";
    size_t length = 0;
    for (int i = 0; i < NUM_NETS && length < sizeof names; i++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i > 0 ? ", " : "",
                                   NETS[i].info.name);
    return kerf__fail(KERF_ERR_ARGUMENT, "no network is called '%s', must be one of: %s", name,
                      names);
}

/* Puts the network's own numbers where the caller left zeros, and refuses the impossible. */
static kerf_status fill(kerf_net_options *o, const kerf_net_info *info)
{
    if (o->classes == 0)
        o->classes = info->classes;
    if (o->input[0] == 0 && o->input[1] == 0 && o->input[2] == 0)
        memcpy(o->input, info->input, sizeof o->input);
    if (o->width == 0)
        o->width = 1;
    if (o->classes < 1 || o->classes > MAX_SIZE)
        return kerf__fail(KERF_ERR_ARGUMENT, "%s: %d classes, must be 1 to %lld", info->name,
                          o->classes, (long long)MAX_SIZE);
    for (int d = 0; d < 3; d++)
        if (o->input[d] < 1 || o->input[d] > MAX_SIZE)
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "%s: input (%lld, %lld, %lld), each must be 1 to %lld", info->name,
                              (long long)o->input[0], (long long)o->input[1],
                              (long long)o->input[2], (long long)MAX_SIZE);
    if (!(o->width > 0 && o->width <= 1000)) /* NaN too */
        return kerf__fail(KERF_ERR_ARGUMENT, "%s: width %g, must be above 0 and at most 1000",
                          info->name, o->width);
    return KERF_OK;
}

kerf_status kerf_net_create(kerf_graph **g, kerf_state **s, const char *name,
                            const kerf_net_options *options, kerf_device *dev)
{
    *g = NULL;
    *s = NULL;
    const net_entry *entry = find(name);
    if (entry == NULL)
        return fail_unknown(name);
    kerf__net net = {.options = options != NULL ? *options : (kerf_net_options){0}};
    KERF__TRY(fill(&net.options, &entry->info));
    net.status = kerf_graph_create(&net.graph);
    if (net.status == KERF_OK)
        net.status = kerf_state_create(&net.state, dev);
    if (net.status == KERF_OK)
        net.status = entry->build(&net);
    if (net.status != KERF_OK) {
        kerf_state_destroy(net.state);
        kerf_graph_destroy(net.graph);
        return net.status;
    }
    *g = net.graph;
    *s = net.state;
    return KERF_OK;
}
