/* device/trial.c -- what a device can do, by doing it: each feature is built, run and its
 * numbers compared.  Runs in the helper process (host/probe), because a driver that is asked
 * for what it cannot do may take the process along.
 *
 * Groups are larger than a sub-group and values differ from item to item: a self-test of 8
 * items passes on drivers that get the ninth wrong.  Kernels: kernels/probe.cl. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "device/cpu.h"
#include "device/device_internal.h"
#include "device/quirks.h"
#include "device/verdict.h"

extern const kerf__source kerf__source_probe;

enum { ITEMS = 1024, GROUP = 256, MAX_BUFFERS = 3 };

/* Runs a kernel of ITEMS items (or as the grid says) on `num` buffers of the given bytes; the
 * last one comes back, the others go there.  1 if all of that worked. */
typedef struct run {
    const char *entry, *options;
    void *data[MAX_BUFFERS];
    size_t bytes[MAX_BUFFERS];
    int num;
    size_t local_bytes; /* a last argument; 0: none */
    kerf__grid grid;
} run;

static kerf_status run_buffers(kerf_device *dev, const run *r, kerf__buffer **buffers,
                               kerf__launch **launch)
{
    kerf__arg args[MAX_BUFFERS + 1];
    int num_args = r->num;
    for (int i = 0; i < r->num; i++) {
        KERF__TRY(kerf__buffer_create(&buffers[i], dev, r->bytes[i]));
        KERF__TRY(kerf__buffer_write(buffers[i], 0, r->data[i], r->bytes[i]));
        args[i] = ARG(buffers[i]);
    }
    if (r->local_bytes != 0)
        args[num_args++] = kerf__arg_local(r->local_bytes);
    KERF__TRY(kerf__launch_create(launch, dev, &kerf__source_probe, r->entry, r->options, args,
                                  num_args, r->grid));
    KERF__TRY(kerf__launch_enqueue(*launch));
    return kerf__buffer_read(buffers[r->num - 1], 0, r->data[r->num - 1], r->bytes[r->num - 1]);
}

static int run_kernel(kerf_device *dev, const run *r)
{
    kerf__buffer *buffers[MAX_BUFFERS] = {NULL};
    kerf__launch *launch = NULL;
    kerf_status status = run_buffers(dev, r, buffers, &launch);
    kerf__launch_destroy(launch);
    for (int i = 0; i < r->num; i++)
        kerf__buffer_destroy(buffers[i]);
    return status == KERF_OK;
}

static kerf__grid grid_of(const kerf_device *dev, size_t items)
{
    size_t group = dev->info.max_group < GROUP ? dev->info.max_group : GROUP;
    return (kerf__grid){1, {items / group, 1, 1}, {group, 1, 1}};
}

static uint32_t noise(uint64_t stream, uint64_t i)
{
    return kerf__random_u32(kerf__random_key(1, KERF__RANDOM_TEST, 0), stream, i);
}

/* ---- every call that Kerf makes ---------------------------------------------------------- */

/* Moves some bytes in each of the ways there are, through buffers[0] and a view of [1]. */
static kerf_status move_bytes(kerf_device *dev, kerf__buffer **buffers, kerf__mark **mark)
{
    const size_t align = dev->info.align_bytes;
    const uint32_t sent[2] = {noise(7, 0), noise(7, 1)};
    uint32_t got[4] = {1, 1, 1, 1};
    KERF__TRY(kerf__buffer_create(&buffers[0], dev, sizeof got));
    KERF__TRY(kerf__buffer_create(&buffers[1], dev, 2 * align));
    KERF__TRY(kerf__buffer_create_view(&buffers[2], buffers[1], align, sizeof got));
    KERF__TRY(kerf__buffer_fill_zero(buffers[0], 0, sizeof got));
    KERF__TRY(kerf__buffer_upload(buffers[0], 4, sent, sizeof sent));
    KERF__TRY(kerf__buffer_copy(buffers[0], 0, buffers[2], 0, sizeof got));
    KERF__TRY(kerf__mark_create(mark, dev));
    KERF__TRY(kerf__mark_finish(*mark));
    KERF__TRY(kerf__buffer_read(buffers[1], align, got, sizeof got));
    if (got[0] != 0 || got[1] != sent[0] || got[2] != sent[1] || got[3] != 0)
        return kerf__fail(KERF_ERR_OPENCL, "bytes that were copied came back as others");
    return kerf_device_finish(dev);
}

static int try_moving(kerf_device *dev)
{
    kerf__buffer *buffers[MAX_BUFFERS] = {NULL};
    kerf__mark *mark = NULL;
    kerf_status status = move_bytes(dev, buffers, &mark);
    kerf__mark_destroy(mark);
    for (int i = MAX_BUFFERS; i-- > 0;) /* a view goes before what it lies in */
        kerf__buffer_destroy(buffers[i]);
    return status == KERF_OK;
}

/* ---- the trials ------------------------------------------------------------------------ */

/* A group of `group` items, two of them, through local memory. */
static int try_group(kerf_device *dev, size_t group)
{
    uint32_t *dst = kerf__alloc(2 * group, sizeof *dst);
    if (dst == NULL)
        return 0;
    int good = run_kernel(dev, &(run){.entry = "probe_group",
                                      .options = "",
                                      .data = {dst},
                                      .bytes = {2 * group * sizeof *dst},
                                      .num = 1,
                                      .local_bytes = group * sizeof *dst,
                                      .grid = {1, {2, 1, 1}, {group, 1, 1}}});
    for (size_t i = 0; i < 2 * group && good; i++)
        good = dst[i] == i / group * group + group - 1 - i % group;
    free(dst);
    return good;
}

static int try_divide(kerf_device *dev)
{
    float x[ITEMS], y[ITEMS], dst[ITEMS];
    for (int i = 0; i < ITEMS; i++) {
        x[i] = (float)noise(1, (uint64_t)i) * 0x1p-20f;
        y[i] = (float)noise(2, (uint64_t)i) * 0x1p-30f + 0x1p-10f;
        dst[i] = 0;
    }
    int good = run_kernel(dev, &(run){.entry = "probe_divide",
                                      .options = "",
                                      .data = {x, y, dst},
                                      .bytes = {sizeof x, sizeof y, sizeof dst},
                                      .num = 3,
                                      .grid = grid_of(dev, ITEMS)});
    for (int i = 0; i < ITEMS && good; i++)
        good = dst[i] == x[i] / y[i];
    return good;
}

static int try_f16(kerf_device *dev)
{
    float x[ITEMS], dst[ITEMS][2] = {{0}};
    if (kerf__has_quirk(&dev->info, KERF__QUIRK_NO_F16))
        return 0;
    for (int i = 0; i < ITEMS; i++)
        x[i] = (float)(i % 251);
    int good = run_kernel(dev, &(run){.entry = "probe_f16",
                                      .options = "-DPROBE_F16",
                                      .data = {x, dst},
                                      .bytes = {sizeof x, sizeof dst},
                                      .num = 2,
                                      .grid = grid_of(dev, ITEMS)});
    for (int i = 0; i < ITEMS && good; i++)
        good = dst[i][0] == x[i] * 8 && dst[i][1] == 2048 + 2 * rintf(x[i] / 2);
    return good;
}

static int try_f64(kerf_device *dev)
{
    float x[ITEMS], dst[ITEMS] = {0};
    for (int i = 0; i < ITEMS; i++)
        x[i] = (float)(i % 251 + 1);
    int good = run_kernel(dev, &(run){.entry = "probe_f64",
                                      .options = "-DPROBE_F64",
                                      .data = {x, dst},
                                      .bytes = {sizeof x, sizeof dst},
                                      .num = 2,
                                      .grid = grid_of(dev, ITEMS)});
    for (int i = 0; i < ITEMS && good; i++)
        good = dst[i] == x[i];
    return good;
}

/* The sum that item i of a group must see: over the items with its sub-group's number. */
static int sub_group_is_right(const uint32_t *dst, size_t i, size_t group)
{
    uint32_t sum = 0, size = 0;
    size_t first = i / group * group;
    for (size_t j = first; j < first + group; j++) {
        if (dst[3 * j] != dst[3 * i])
            continue;
        sum += (uint32_t)(j - first) + 1;
        size++;
    }
    return dst[3 * i + 1] == size && dst[3 * i + 2] == sum;
}

/* Gives the size of a sub-group. */
static int try_sub_groups(kerf_device *dev)
{
    uint32_t dst[3 * ITEMS] = {0}, largest = 0;
    kerf__grid grid = grid_of(dev, ITEMS);
    if (kerf__has_quirk(&dev->info, KERF__QUIRK_NO_SUB_GROUPS))
        return 0;
    int good = run_kernel(dev, &(run){.entry = "probe_sub_groups",
                                      .options = "-DPROBE_SUB_GROUPS",
                                      .data = {dst},
                                      .bytes = {sizeof dst},
                                      .num = 1,
                                      .grid = grid});
    for (size_t i = 0; i < ITEMS && good; i++) {
        good = sub_group_is_right(dst, i, grid.group[0]);
        largest = dst[3 * i + 1] > largest ? dst[3 * i + 1] : largest;
    }
    return good ? (int)largest : 0;
}

static int byte_of(uint32_t word, int i, int is_signed)
{
    int byte = (int)(word >> 8 * i & 255);
    return is_signed && byte > 127 ? byte - 256 : byte;
}

static int dot(uint32_t a, uint32_t b, int a_is_signed)
{
    int sum = 0;
    for (int i = 0; i < 4; i++)
        sum += byte_of(a, i, a_is_signed) * byte_of(b, i, 1);
    return sum;
}

/* Declared by some drivers only for OpenCL C 3.0; a variant that uses it asks for that too. */
static int try_dot_khr(kerf_device *dev)
{
    uint32_t a[ITEMS], b[ITEMS];
    int dst[ITEMS][2] = {{0}};
    for (int i = 0; i < ITEMS; i++) {
        a[i] = noise(3, (uint64_t)i);
        b[i] = noise(4, (uint64_t)i);
    }
    int good = run_kernel(dev, &(run){.entry = "probe_dot_khr",
                                      .options = "-cl-std=CL3.0 -DPROBE_DOT_KHR",
                                      .data = {a, b, dst},
                                      .bytes = {sizeof a, sizeof b, sizeof dst},
                                      .num = 3,
                                      .grid = grid_of(dev, ITEMS)});
    for (int i = 0; i < ITEMS && good; i++)
        good = dst[i][0] == dot(a[i], b[i], 1) + i && dst[i][1] == dot(a[i], b[i], 0) + i;
    return good;
}

/* Assembly passes PoCL's compiler whatever the CPU is, so the CPU is asked first. */
static int try_dot_x86(kerf_device *dev)
{
    enum { LANES = 16 * ITEMS };
    const size_t bytes = LANES * sizeof(uint32_t);
    if (dev->info.type != KERF_DEVICE_CPU || !kerf__cpu_has_vnni() ||
        strcmp(dev->info.platform, "Portable Computing Language") != 0)
        return 0;
    uint32_t *a = kerf__alloc(3, bytes);
    if (a == NULL)
        return 0;
    uint32_t *b = a + LANES;
    int *dst = (int *)(b + LANES);
    for (int i = 0; i < LANES; i++) {
        a[i] = noise(5, (uint64_t)i);
        b[i] = noise(6, (uint64_t)i);
    }
    int good = run_kernel(dev, &(run){.entry = "probe_dot_x86",
                                      .options = "-DPROBE_DOT_X86",
                                      .data = {a, b, dst},
                                      .bytes = {bytes, bytes, bytes},
                                      .num = 3,
                                      .grid = grid_of(dev, ITEMS)});
    for (int i = 0; i < LANES && good; i++)
        good = dst[i] == dot(a[i], b[i], 0) + i / 16;
    free(a);
    return good;
}

/* What program_cache.c does, without a file. */
static int try_binaries(kerf_device *dev)
{
    kerf__program *program;
    return kerf__program_find(&program, dev, &kerf__source_probe, "") == KERF_OK &&
           kerf__program_reload(dev, program) && try_group(dev, 64);
}

/* ---- all of them ----------------------------------------------------------------------- */

/* Who hears of what is tried next, and on which device. */
typedef struct listener {
    void (*trying)(const char *what);
    const char *device;
} listener;

static void tell(const listener *l, const char *what)
{
    char text[512];
    snprintf(text, sizeof text, "%s: %s", l->device, what);
    if (l->trying != NULL)
        l->trying(text);
}

static void try_features(kerf_device *dev, const listener *l, kerf__verdict *verdict)
{
    static const struct {
        const char *what;
        size_t offset;
        int (*attempt)(kerf_device *dev);
    } TRIALS[] = {
        {"exact division", offsetof(kerf_device_features, divides_exactly), try_divide},
        {"half precision", offsetof(kerf_device_features, f16), try_f16},
        {"double precision", offsetof(kerf_device_features, f64), try_f64},
        {"sub-groups", offsetof(kerf_device_features, sub_groups), try_sub_groups},
        {"integer dot product", offsetof(kerf_device_features, dot_khr), try_dot_khr},
        {"vpdpbusd", offsetof(kerf_device_features, dot_x86), try_dot_x86},
        {"saved programs", offsetof(kerf_device_features, binaries), try_binaries},
    };
    for (size_t i = 0; i < sizeof TRIALS / sizeof TRIALS[0]; i++) {
        tell(l, TRIALS[i].what);
        *(int *)((char *)&verdict->features + TRIALS[i].offset) = TRIALS[i].attempt(dev);
    }
    tell(l, "large groups");
    verdict->max_group = dev->info.max_group;
    while (verdict->max_group > 64 && !try_group(dev, verdict->max_group))
        verdict->max_group /= 2;
}

/* Every call that Kerf makes, those of a feature apart.  Why it does not work is the last
 * failure's message, its first line; a kernel that gave wrong numbers left none. */
static int try_basics(kerf_device *dev, const listener *l, kerf__verdict *verdict)
{
    const kerf__message none = {""};
    kerf__message_put_back(&none);
    tell(l, "moving bytes");
    verdict->works = try_moving(dev);
    if (verdict->works) {
        tell(l, "a kernel");
        verdict->works = try_group(dev, verdict->max_group);
    }
    return verdict->works;
}

/* A device that is not fit is not opened. */
static int try_device(const kerf__opencl *cl, kerf__found found, int basic, const listener *l,
                      kerf__verdict *verdict, const kerf_device_info *info)
{
    kerf_device *dev;
    const char *why = verdict->why;
    if (kerf__device_is_unfit(cl, found.id, verdict->why, sizeof verdict->why))
        return 0;
    tell(l, "opening");
    if (kerf__device_open_found(&dev, cl, info, found) != KERF_OK) {
        why = kerf_last_error();
    } else if (!try_basics(dev, l, verdict)) {
        why = kerf_last_error();
        why = *why != '\0' ? why : "a plain kernel gave wrong numbers";
    } else if (!basic) {
        try_features(dev, l, verdict);
    }
    if (!verdict->works)
        snprintf(verdict->why, sizeof verdict->why, "%.*s", (int)strcspn(why, "\n"), why);
    tell(l, "closing");
    kerf_device_close(dev);
    return verdict->works;
}

static json_t *judge_device(const kerf__opencl *cl, const kerf__listing *list, size_t i, int basic,
                            void (*trying)(const char *what))
{
    const kerf_device_info *info = &list->infos[i];
    const listener l = {trying, info->name};
    kerf__verdict verdict = {.max_group = info->max_group < 64 ? info->max_group : 64,
                             .features = info->features};
    memcpy(verdict.platform, info->platform, sizeof verdict.platform);
    memcpy(verdict.name, info->name, sizeof verdict.name);
    memcpy(verdict.driver, info->driver, sizeof verdict.driver);
    verdict.features.binaries = 0; /* until that was tried */
    verdict.works = try_device(cl, list->found[i], basic, &l, &verdict, info);
    return kerf__verdict_json(&verdict);
}

json_t *kerf__trial_all(int basic, void (*trying)(const char *what))
{
    const kerf__opencl *cl;
    kerf__listing list = {0};
    json_t *devices = json_array();
    if (trying != NULL)
        trying("its list of devices");
    if (kerf__opencl_get(&cl) == KERF_OK && kerf__device_enumerate(cl, &list, 1) == KERF_OK)
        for (size_t i = 0; i < list.num; i++)
            json_array_append_new(devices, judge_device(cl, &list, i, basic, trying));
    free(list.infos);
    free(list.found);
    return json_pack("{s:i, s:s, s:s, s:o}", "schema", 1, "kerf", kerf_version(), "why", list.why,
                     "devices", devices);
}
