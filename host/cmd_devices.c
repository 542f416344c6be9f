/* cmd_devices.c -- `kerf devices`: what OpenCL offers here, with measured peaks. */
#include <math.h>
#include <stdlib.h>

#include "command.h"
#include "json.h"
#include "kerf/kerf.h"
#include "table.h"

static const char *const type_names[] = {"CPU", "GPU", "other"};

/* Opens and measures one device; unknown (0) where that fails, with a warning. */
static kerf_device_peaks measure(const options *o, const kerf_device_info *info)
{
    kerf_device_peaks peaks = {0};
    kerf_device *dev;
    char spec[16];
    snprintf(spec, sizeof spec, "%d", info->index);
    if (kerf_device_open(&dev, spec) != KERF_OK || kerf_device_measure(dev, &peaks) != KERF_OK)
        warn(o, "%s: %s", info->name, kerf_last_error());
    kerf_device_close(dev);
    return peaks;
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

static json_t *device_json(const kerf_device_info *d, const kerf_device_peaks *peaks)
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
    return object;
}

static void cell_known(table *t, const char *format, double x)
{
    char text[32];
    snprintf(text, sizeof text, "%.4g", x);
    table_cell(t, format, x > 0 ? text : "?");
}

static void print_device(const kerf_device_info *d, const kerf_device_peaks *peaks)
{
    char memory[32], local[32];
    const kerf_device_features *f = &d->features;
    printf("%d: %s\n", d->index, d->name);
    printf("   %s, %s, %s, driver %s\n", type_names[d->type], d->platform, d->opencl, d->driver);
    printf("   %u compute units, %s memory, %s local, groups to %zu", d->compute_units,
           bytes_text((double)d->global_bytes, memory, sizeof memory),
           bytes_text((double)d->local_bytes, local, sizeof local), d->max_group);
    printf("%s%s\n", d->pci[0] != '\0' ? ", pci " : "", d->pci);
    printf("   found by test:%s%s%s%s%s, vectors of %d floats; profile %s\n",
           f->divides_exactly ? " exact division" : " inexact division", f->f16 ? ", f16" : "",
           f->f64 ? ", f64" : "", f->dot_khr ? ", integer dot product" : "",
           f->dot_x86 ? ", VNNI" : "", f->vector_floats, d->profile);
    table *t = table_create("   measured|>f32 GFLOPS|>f16 GFLOPS|>int8 GOPS|>copy GB/s|>launch us");
    table_cell(t, "%s", "");
    cell_known(t, "%s", peaks->f32_gflops);
    cell_known(t, "%s", peaks->f16_gflops);
    cell_known(t, "%s", peaks->int8_gops);
    cell_known(t, "%s", peaks->copy_gbps);
    cell_known(t, "%s", peaks->launch_us);
    table_print(t, stdout);
    table_destroy(t);
}

int cmd_devices(const options *o)
{
    kerf_device_info *list;
    size_t num;
    kerf_status status = kerf_device_list(&list, &num);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    json_t *devices = json_array();
    for (size_t i = 0; i < num; i++) {
        kerf_device_peaks peaks = measure(o, &list[i]);
        json_array_append_new(devices, device_json(&list[i], &peaks));
        if (!o->json)
            print_device(&list[i], &peaks);
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
