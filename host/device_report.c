/* device_report.c -- a device as JSON (the keys are a contract) and for people. */
#include <stdio.h>
#include <string.h>

#include "devices.h"
#include "table.h"

static const char *const type_names[] = {"CPU", "GPU", "other"};
static const char *const sign_names[] = {"s8s8", "u8s8"};

/* ---- JSON ------------------------------------------------------------------------------ */

static json_t *known(double x)
{
    return x > 0 ? json_number(x) : json_null();
}

static int has_dot(const kerf_device_info *d, int dot, int sign)
{
    return d->features.dot[dot] >> sign & 1;
}

static json_t *features_json(const kerf_device_info *d)
{
    const kerf_device_features *f = &d->features;
    json_t *object = json_pack(
        "{s:b,s:b,s:b,s:i,s:i,s:b,s:b,s:b}", "divides_exactly", f->divides_exactly, "f16", f->f16,
        "f64", f->f64, "sub_groups", f->sub_groups, "vector_floats", f->vector_floats, "binaries",
        f->binaries, "streaming_stores", f->streaming_stores, "joins", f->joins);
    for (int i = 0; i < KERF_NUM_DOTS; i++) {
        char key[32];
        snprintf(key, sizeof key, "dot_%s", kerf_dot_name((kerf_dot)i));
        json_object_set_new(object, key, json_boolean(f->dot[i] != 0));
    }
    return object;
}

/* {"s8s8": {"chosen": "khr", "gops": {"plain": 1.5, "khr": 2}}, "u8s8": ...}; forms that were
 * found right. */
static json_t *dot_json(const kerf_device_info *d, const kerf_device_peaks *p)
{
    json_t *object = json_object();
    for (int sign = 0; sign < KERF_NUM_SIGNS; sign++) {
        json_t *gops = json_object();
        kerf_dot best = kerf_device_best_dot(p, sign);
        for (int i = 0; i < KERF_NUM_DOTS; i++)
            if (has_dot(d, i, sign))
                json_object_set_new(gops, kerf_dot_name((kerf_dot)i), known(p->dot_gops[i][sign]));
        json_object_set_new(
            object, sign_names[sign],
            json_pack("{s:o,s:o}", "chosen",
                      best == KERF_NUM_DOTS ? json_null() : json_text(kerf_dot_name(best)), "gops",
                      gops));
    }
    return object;
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

json_t *kernels_json(const device_facts *facts)
{
    json_t *object = json_object();
    for (size_t i = 0; i < NUM_DEVICE_CASES; i++)
        json_object_set_new(object, device_case_name(i), json_text(facts->kernels[i]));
    return object;
}

static void add_limits(json_t *object, const kerf_device_info *d)
{
    json_object_set_new(object, "compute_units", json_integer(d->compute_units));
    json_object_set_new(object, "global_bytes", json_integer((json_int_t)d->global_bytes));
    json_object_set_new(object, "max_alloc_bytes", json_integer((json_int_t)d->max_alloc_bytes));
    json_object_set_new(object, "local_bytes", json_integer((json_int_t)d->local_bytes));
    json_object_set_new(object, "max_group", json_integer((json_int_t)d->max_group));
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
    add_limits(object, d);
    json_object_set_new(object, "peaks", peaks_json(peaks));
    json_object_set_new(object, "features", features_json(d));
    json_object_set_new(object, "dot", dot_json(d, peaks));
    json_object_set_new(object, "profile", json_text(d->profile));
    json_object_set_new(object, "quirks", quirks_json(d));
    return object;
}

/* ---- for people ------------------------------------------------------------------------ */

/* "f32 230 GFLOPS" behind what came before; "f32 unknown" where it could not be told. */
static void print_peak(int *num, const char *name, double x, const char *unit)
{
    printf("%s%s ", (*num)++ == 0 ? "   measured: " : ", ", name);
    if (x > 0)
        printf("%.4g %s", x, unit);
    else
        fputs("unknown", stdout);
}

static void print_features(const kerf_device_info *d)
{
    char local[32];
    const kerf_device_features *f = &d->features;
    printf("   found by test: groups to %zu, %s local memory, %s division%s%s", d->max_group,
           bytes_text((double)d->local_bytes, local, sizeof local),
           f->divides_exactly ? "exact" : "inexact", f->f16 ? ", f16" : "", f->f64 ? ", f64" : "");
    if (f->sub_groups > 0)
        printf(", sub-groups of %d", f->sub_groups);
    printf("%s%s, vectors of %d floats; profile %s\n",
           f->streaming_stores ? ", streaming stores" : "", f->joins ? ", joined launches" : "",
           f->vector_floats, d->profile);
}

/* One line a sign: "dot products u8 by s8: plain 21, x86 925 GOPS; x86 is chosen". */
static void print_dots(const kerf_device_info *d, const kerf_device_peaks *p)
{
    static const char *const LABELS[] = {"s8 by s8", "u8 by s8"};
    for (int sign = 0; sign < KERF_NUM_SIGNS; sign++) {
        int num = 0;
        kerf_dot best = kerf_device_best_dot(p, sign);
        for (int i = 0; i < KERF_NUM_DOTS; i++) {
            if (!has_dot(d, i, sign))
                continue;
            if (num++ == 0)
                printf("   dot products %s: ", LABELS[sign]);
            printf(p->dot_gops[i][sign] > 0 ? "%s%s %.4g" : "%s%s ?", num > 1 ? ", " : "",
                   kerf_dot_name((kerf_dot)i), p->dot_gops[i][sign]);
        }
        if (num > 0 && best != KERF_NUM_DOTS)
            printf(" GOPS; %s is chosen", kerf_dot_name(best));
        fputs(num > 0 ? "\n" : "", stdout);
    }
}

static void print_peaks(const kerf_device_info *d, const kerf_device_peaks *peaks)
{
    int num = 0;
    print_peak(&num, "f32", peaks->f32_gflops, "GFLOPS");
    if (d->features.f16)
        print_peak(&num, "f16", peaks->f16_gflops, "GFLOPS");
    print_peak(&num, "int8", peaks->int8_gops, "GOPS");
    print_peak(&num, "copy", peaks->copy_gbps, "GB/s");
    print_peak(&num, "launch", peaks->launch_us, "us");
    fputs("\n", stdout);
}

/* What is known of its driver, with -v. */
static void print_quirks(const options *o, const kerf_device_info *d)
{
    const char *quirk;
    for (size_t i = 0; o->verbose && (quirk = kerf_device_quirk(d, i)) != NULL; i++)
        printf("   this driver %s\n", quirk);
}

void print_device(const options *o, const kerf_device_info *d, const device_facts *facts)
{
    char memory[32];
    printf("%d: %s\n", d->index, d->name);
    printf("   %s, %s, %s, driver %s\n", type_names[d->type], d->platform, d->opencl, d->driver);
    printf("   %u compute units, %s memory%s%s\n", d->compute_units,
           bytes_text((double)d->global_bytes, memory, sizeof memory),
           d->pci[0] != '\0' ? ", pci " : "", d->pci);
    print_features(d);
    print_peaks(d, &facts->peaks);
    print_dots(d, &facts->peaks);
    for (size_t i = 0; i < NUM_DEVICE_CASES; i++)
        printf("%s%s by %s", i == 0 ? "   would use: " : ", ", device_case_name(i),
               facts->kernels[i]);
    fputs("\n", stdout);
    print_quirks(o, d);
}
