/* cmd_devices.c -- `kerf devices`: what OpenCL offers here, with measured peaks. */
#include <stdlib.h>
#include <string.h>

#include "bench_node.h"
#include "command.h"
#include "devices.h"
#include "json.h"
#include "kerf/kerf.h"
#include "table.h"

static const char *const type_names[] = {"CPU", "GPU", "other"};

/* Products that stand for a large matrix and for a layer at a small batch. */
enum { NUM_SHAPES = 2, NAME_BYTES = 64 };
static const char *const cases[NUM_SHAPES] = {"m=512 n=512 k=512 f32", "m=64 n=300 k=784 f32"};
static const char *const shape_names[NUM_SHAPES] = {"512x512x512", "64x300x784"};

typedef struct device_facts {
    kerf_device_peaks peaks;
    char kernels[NUM_SHAPES][NAME_BYTES];
} device_facts;

/* What a plan would choose now: from the tuning store, else the profile's guess. */
static kerf_status find_kernel(kerf_device *dev, const char *line, char *name)
{
    bench_case c;
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p = NULL;
    kerf_plan_options plan_options = {.mode = KERF_EVALUATE, .batch = 1};
    case_read(&c, case_family_find("gemm"), line);
    kerf_status status = case_graph(&c, dev, &g, &s);
    if (status == KERF_OK)
        status = kerf_plan_create(&p, g, s, &plan_options);
    snprintf(name, NAME_BYTES, "%s", status == KERF_OK ? main_variant(p) : "?");
    kerf_plan_destroy(p);
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
    return status;
}

/* Opens and measures one device; unknown where that fails, with a warning. */
static device_facts measure(const options *o, const kerf_device_info *info)
{
    device_facts facts = {.kernels = {"?", "?"}};
    kerf_device *dev;
    char spec[16];
    snprintf(spec, sizeof spec, "%d", info->index);
    kerf_status status = kerf_device_open(&dev, spec);
    if (status == KERF_OK)
        status = kerf_device_measure(dev, &facts.peaks);
    for (size_t i = 0; status == KERF_OK && i < NUM_SHAPES; i++)
        status = find_kernel(dev, cases[i], facts.kernels[i]);
    if (status != KERF_OK)
        warn(o, "%s: %s", info->name, kerf_last_error());
    kerf_device_close(dev);
    return facts;
}

static json_t *known(double x)
{
    return x > 0 ? json_number(x) : json_null();
}

static json_t *features_json(const kerf_device_features *f)
{
    return json_pack("{s:b,s:b,s:b,s:i,s:b,s:b,s:i}", "divides_exactly", f->divides_exactly, "f16",
                     f->f16, "f64", f->f64, "sub_groups", f->sub_groups, "dot_khr", f->dot_khr,
                     "dot_x86", f->dot_x86, "vector_floats", f->vector_floats);
}

static json_t *peaks_json(const kerf_device_peaks *p)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "f32_gflops", known(p->f32_gflops), "f16_gflops",
                     known(p->f16_gflops), "int8_gops", known(p->int8_gops), "copy_gbps",
                     known(p->copy_gbps), "launch_us", known(p->launch_us));
}

static json_t *quirks_json(const kerf_device_info *d)
{
    const char *quirk;
    json_t *list = json_array();
    for (size_t i = 0; (quirk = kerf_device_quirk(d, i)) != NULL; i++)
        json_array_append_new(list, json_text(quirk));
    return list;
}

json_t *device_json(const kerf_device_info *d, const kerf_device_peaks *peaks)
{
    json_t *object = json_object();
    json_object_set_new(object, "index", json_integer(d->index));
    json_object_set_new(object, "id", json_text(d->id));
    json_object_set_new(object, "name", json_text(d->name));
    json_object_set_new(object, "platform", json_text(d->platform));
    json_object_set_new(object, "vendor", json_text(d->vendor));
    json_object_set_new(object, "driver", json_text(d->driver));
    json_object_set_new(object, "opencl", json_text(d->opencl));
    json_object_set_new(object, "type", json_text(type_names[d->type]));
    json_object_set_new(object, "pci", d->pci[0] != '\0' ? json_text(d->pci) : json_null());
    json_object_set_new(object, "compute_units", json_integer(d->compute_units));
    json_object_set_new(object, "global_bytes", json_integer((json_int_t)d->global_bytes));
    json_object_set_new(object, "max_alloc_bytes", json_integer((json_int_t)d->max_alloc_bytes));
    json_object_set_new(object, "local_bytes", json_integer((json_int_t)d->local_bytes));
    json_object_set_new(object, "max_group", json_integer((json_int_t)d->max_group));
    json_object_set_new(object, "peaks", peaks_json(peaks));
    json_object_set_new(object, "features", features_json(&d->features));
    json_object_set_new(object, "profile", json_text(d->profile));
    json_object_set_new(object, "quirks", quirks_json(d));
    return object;
}

static json_t *kernels_json(const device_facts *facts)
{
    json_t *kernels = json_object();
    for (size_t i = 0; i < NUM_SHAPES; i++)
        json_object_set_new(kernels, shape_names[i], json_text(facts->kernels[i]));
    return kernels;
}

static void print_known(const char *before, double x, const char *unit)
{
    if (x > 0)
        printf("%s%.4g %s", before, x, unit);
}

static void print_features(const kerf_device_features *f, const char *profile)
{
    printf("   found by test:%s%s%s%s%s",
           f->divides_exactly ? " exact division" : " inexact division", f->f16 ? ", f16" : "",
           f->f64 ? ", f64" : "", f->dot_khr ? ", integer dot product" : "",
           f->dot_x86 ? ", VNNI" : "");
    if (f->sub_groups > 0)
        printf(", sub-groups of %d", f->sub_groups);
    printf(", vectors of %d floats; profile %s\n", f->vector_floats, profile);
}

/* What is known of its driver, with -v. */
static void print_quirks(const options *o, const kerf_device_info *d)
{
    const char *quirk;
    for (size_t i = 0; o->verbose && (quirk = kerf_device_quirk(d, i)) != NULL; i++)
        printf("%s%s\n", i == 0 ? "   known of this driver: " : "      ", quirk);
}

static void print_device(const options *o, const kerf_device_info *d, const device_facts *facts)
{
    char memory[32], local[32];
    const kerf_device_peaks *peaks = &facts->peaks;
    printf("%d: %s\n", d->index, d->name);
    printf("   %s, %s, %s, driver %s\n", type_names[d->type], d->platform, d->opencl, d->driver);
    printf("   %u compute units, %s memory, %s local, groups to %zu", d->compute_units,
           bytes_text((double)d->global_bytes, memory, sizeof memory),
           bytes_text((double)d->local_bytes, local, sizeof local), d->max_group);
    printf("%s%s\n", d->pci[0] != '\0' ? ", pci " : "", d->pci);
    print_features(&d->features, d->profile);
    print_known("   measured: f32 ", peaks->f32_gflops, "GFLOPS");
    print_known(", f16 ", peaks->f16_gflops, "GFLOPS");
    print_known(", int8 ", peaks->int8_gops, "GOPS");
    print_known(", copy ", peaks->copy_gbps, "GB/s");
    print_known(", launch ", peaks->launch_us, "us");
    for (size_t i = 0; i < NUM_SHAPES; i++)
        printf("%sproducts of %s by %s", i == 0 ? "\n   would use: " : ", ", shape_names[i],
               facts->kernels[i]);
    fputs("\n", stdout);
    print_quirks(o, d);
}

/* Drivers that would have taken the others along. */
static void warn_left_out(const options *o)
{
    for (const char *line = kerf_device_left_out(); *line != '\0';) {
        int length = (int)strcspn(line, "\n");
        warn(o, "%.*s", length, line);
        line += line[length] == '\n' ? length + 1 : length;
    }
}

int cmd_devices(const options *o)
{
    kerf_device_info *list;
    size_t num;
    kerf_status status = kerf_device_list(&list, &num);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    warn_left_out(o);
    json_t *devices = json_array();
    for (size_t i = 0; i < num; i++) {
        device_facts facts = measure(o, &list[i]);
        json_t *one = device_json(&list[i], &facts.peaks);
        json_object_set_new(one, "kernels", kernels_json(&facts));
        json_array_append_new(devices, one);
        if (!o->json)
            print_device(o, &list[i], &facts);
    }
    kerf_device_list_free(list);
    json_t *object = json_begin();
    json_object_set_new(object, "devices", devices);
    if (o->json)
        json_finish(o, object);
    else
        json_decref(object);
    if (num == 0)
        return fail_work(o, "no OpenCL device; on Debian, apt install pocl-opencl-icd gives one");
    return EXIT_DONE;
}
