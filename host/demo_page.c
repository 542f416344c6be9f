/* demo_page.c -- what the tour's page says; report.c makes the page of it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "demo.h"
#include "files.h"
#include "json.h"
#include "report.h"
#include "run_page.h"

static json_t *curve_part(const demo *d)
{
    json_t *removed = json_array(), *series = json_array();
    for (int i = 0; i < DEMO_LEVELS; i++)
        json_array_append_new(removed, json_real(demo_levels[i]));
    for (int way = 0; way < DEMO_WAYS; way++) {
        json_t *values = json_array();
        for (int i = 0; i < DEMO_LEVELS; i++)
            json_array_append_new(values, json_real(d->top1[way][i]));
        json_array_append_new(series,
                              json_pack("{s:s,s:o}", "name", demo_ways[way], "values", values));
    }
    return json_pack(
        "{s:s,s:s,s:o,s:f,s:o}", "title", "How far can it go?", "caption",
        "The smallest weights go first, all layers together. Both retrained networks got "
        "the same ten epochs at each point; what differs is only when the weights "
        "go: all at the beginning, or a few at a time.",
        "removed", removed, "dense", d->dense_top1, "series", series);
}

static json_t *curve_table(const demo *d)
{
    json_t *rows = json_array();
    for (int i = 0; i < DEMO_LEVELS; i++)
        json_array_append_new(rows,
                              json_pack("[o,o,o,o,o]", json_sprintf("%.0f %%", demo_levels[i]),
                                        json_sprintf("%.1fx", 100 / (100 - demo_levels[i])),
                                        json_sprintf("%.2f %%", d->top1[0][i]),
                                        json_sprintf("%.2f %%", d->top1[1][i]),
                                        json_sprintf("%.2f %%", d->top1[2][i])));
    return json_pack("{s:s,s:s,s:[s,s,s,s,s],s:o}", "title", "The numbers of the picture",
                     "caption", "Share of the 10,000 test pictures that are right.", "header",
                     "removed", "compression", "pruned only", "then retrained", "step by step",
                     "rows", rows);
}

static json_t *facts_part(const demo *d)
{
    json_t *facts = json_array();
    double removed = 100 * (1 - (double)d->after.nonzeros / (double)d->after.weights);
    report_fact(facts, json_sprintf("%.1f %%", removed), "of the weights are gone");
    report_fact(facts, json_sprintf("%+.2f", d->pruned_top1 - d->dense_top1),
                "percentage points of accuracy");
    report_fact(facts, json_sprintf("%.2f %%", d->pruned_top1),
                "of the test pictures right, pruned");
    report_fact(facts, json_sprintf("%.1fx", layers_compression(&d->after)),
                "fewer weights to store");
    return facts;
}

/* The network before and after, as the folder of a run would tell it. */
static kerf_status read_networks(const demo *d, run_record *r, network_values *after)
{
    network_values before;
    run_why why;
    json_t *layers = NULL;
    kerf_status status = network_values_read(&before, d->dense.g, d->dense.s);
    if (status == KERF_OK)
        status = network_values_read(after, d->pruned.g, d->pruned.s);
    if (status == KERF_OK)
        layers = layers_file_json(&d->before, &d->after, &before, after);
    if (status == KERF_OK && run_take_layers(r, layers, &why))
        status = KERF_ERR_MEMORY;
    json_decref(layers);
    network_values_free(&before);
    return status;
}

/* Which pixels the first layer still looks at. */
static json_t *map_part(const demo *d, const network_values *pruned)
{
    kerf_shape image = kerf_dataset_sample_shape(d->data);
    json_t *map = pruned->num > 0 && image.rank == 3
                      ? report_input_map(&pruned->items[0], (int)image.dims[1], (int)image.dims[2])
                      : NULL;
    if (map == NULL)
        return NULL;
    json_object_set_new(map, "title", json_text("What it still looks at"));
    json_object_set_new(map, "caption",
                        json_text("One square a pixel of the 28x28 picture: the stronger the "
                                  "colour, the more weights of the first layer are left for it. "
                                  "Nobody told the network where the clothes are."));
    return map;
}

static json_t *commands_part(void)
{
    return json_pack(
        "[{s:s,s:s}]", "title", "Much the same by hand", "text",
        "kerf new lenet-300-100 -o lenet.onnx\n"
        "kerf train lenet.onnx --data fashion-mnist --val 5000 --weight-decay 1e-3 -o dense.onnx\n"
        "kerf prune dense.onnx --data fashion-mnist --val 5000 --weight-decay 1e-3 \\\n"
        "     --sparsity 0.96 --scope global --events 26 --retrain 0.5 --finetune 7 -o "
        "pruned.onnx\n"
        "kerf eval pruned.onnx --data fashion-mnist --reference dense.onnx\n"
        "kerf info pruned.onnx");
}

static json_t *made_part(const demo *d)
{
    char day[32] = "";
    time_t now = time(NULL);
    struct tm parts;
    if (localtime_r(&now, &parts) != NULL)
        strftime(day, sizeof day, "%Y-%m-%d", &parts);
    return json_sprintf("Made by kerf %s on %s, %s, seed %lld: %.0f epochs and all else in %.0f s. "
                        "Milliseconds are for one picture.",
                        kerf_version(), kerf_device_name(d->dev), day, (long long)d->o->seed,
                        d->epochs_trained, (now_ms() - d->start_ms) / 1e3);
}

static json_t *page_data(const demo *d, const run_record *r, const network_values *pruned)
{
    double removed = 100 * (1 - (double)d->after.nonzeros / (double)d->after.weights);
    json_t *data = json_object();
    json_object_set_new(data, "title",
                        json_sprintf("%.0f of 100 weights are gone, and it still sees", removed));
    json_object_set_new(
        data, "lead",
        json_sprintf(
            "LeNet-300-100 learned to tell ten kinds of clothes apart (Fashion-MNIST), and "
            "was right %.2f times out of 100. Then its smallest weights were removed, a "
            "few at a time, with some training in between. This page shows what that "
            "cost, and why the training in between matters.",
            d->dense_top1));
    json_object_set_new(data, "facts", facts_part(d));
    json_object_set_new(data, "curve", curve_part(d));
    json_object_set_new(
        data, "tables",
        json_pack("[o,o]",
                  run_layer_table(r, "The network of pruned.onnx. Biases and their few numbers "
                                     "stay as they are and are not counted."),
                  curve_table(d)));
    json_object_set_new(data, "histograms", run_histograms(r));
    json_object_set_new(data, "histograms_caption", json_text(run_histograms_caption));
    json_t *map = map_part(d, pruned);
    if (map != NULL)
        json_object_set_new(data, "map", map);
    json_object_set_new(data, "texts", commands_part());
    json_object_set_new(data, "made", made_part(d));
    return data;
}

static int write_page(const demo *d, const run_record *r, const network_values *pruned)
{
    char *path = path_join(d->dir, "report.html");
    json_t *data = page_data(d, r, pruned);
    int code = path != NULL ? report_write(d->o, path, data) : fail_memory(d->o);
    json_decref(data);
    free(path);
    return code;
}

int demo_page(const demo *d)
{
    run_record r;
    network_values pruned = {0};
    run_init(&r);
    kerf_status status = read_networks(d, &r, &pruned);
    int code = status == KERF_OK ? write_page(d, &r, &pruned) : fail_kerf(d->o, status);
    network_values_free(&pruned);
    run_free(&r);
    return code;
}
