/* device/trial.c -- what a device can do, by doing it: each feature is built, run and its
 * numbers compared.  Runs in the helper process (host/probe), because a driver that is asked
 * for what it cannot do may take the process along.
 *
 * Groups are larger than a sub-group and values differ from item to item: a self-test of 8
 * items passes on drivers that get the ninth wrong.  Kernels: kernels/probe.cl; trial_dot.c has
 * the dot products, trial_join.c launches queued as one. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "device/quirks.h"
#include "device/trial.h"

enum { ITEMS = KERF__TRIAL_ITEMS, GROUP = 256 };

static kerf_status run_buffers(kerf_device *dev, const kerf__trial *r, kerf__buffer **buffers,
                               kerf__launch **launch)
{
    kerf__arg args[KERF__TRIAL_BUFFERS + 2];
    int num_args = r->num;
    for (int i = 0; i < r->num; i++) {
        KERF__TRY(kerf__buffer_create(&buffers[i], dev, r->bytes[i]));
        KERF__TRY(kerf__buffer_write(buffers[i], 0, r->data[i], r->bytes[i]));
        args[i] = ARG(buffers[i]);
    }
    if (r->local_bytes != 0) {
        args[num_args++] = kerf__arg_uint((unsigned)(r->local_bytes / sizeof(uint32_t)));
        args[num_args++] = kerf__arg_local(r->local_bytes);
    }
    KERF__TRY(kerf__launch_create(launch, dev, &kerf__source_probe, r->entry, r->options, args,
                                  num_args, r->grid));
    KERF__TRY(kerf__launch_enqueue(*launch));
    return kerf__buffer_read(buffers[r->num - 1], 0, r->data[r->num - 1], r->bytes[r->num - 1]);
}

int kerf__trial_run(kerf_device *dev, const kerf__trial *r)
{
    kerf__buffer *buffers[KERF__TRIAL_BUFFERS] = {NULL};
    kerf__launch *launch = NULL;
    kerf_status status = run_buffers(dev, r, buffers, &launch);
    kerf__launch_destroy(launch);
    for (int i = 0; i < r->num; i++)
        kerf__buffer_destroy(buffers[i]);
    return status == KERF_OK;
}

kerf__grid kerf__trial_grid(const kerf_device *dev)
{
    size_t group = GROUP;
    while (group > dev->info.max_group)
        group /= 2;
    return (kerf__grid){1, {ITEMS / group, 1, 1}, {group, 1, 1}};
}

uint32_t kerf__trial_noise(uint64_t stream, uint64_t i)
{
    return kerf__random_u32(kerf__random_key(1, KERF__RANDOM_TEST, 0), stream, i);
}

/* ---- every call that Kerf makes ---------------------------------------------------------- */

/* What is moved.  It lives until the device is closed, because a driver that fails halfway may
 * still be reading or writing it. */
typedef struct moved {
    uint32_t sent[2], got[4];
} moved;

/* Puts others in their place by mapping, and looks at them by mapping once more. */
static kerf_status map_bytes(kerf__buffer *buffer, moved *m)
{
    void *bytes;
    for (int i = 0; i < 4; i++)
        m->got[i] = kerf__trial_noise(8, (uint64_t)i);
    KERF__TRY(kerf__buffer_map(buffer, 1, &bytes));
    memcpy(bytes, m->got, sizeof m->got);
    KERF__TRY(kerf__buffer_unmap(buffer, bytes));
    KERF__TRY(kerf__buffer_map(buffer, 0, &bytes));
    const int same = memcmp(bytes, m->got, sizeof m->got) == 0;
    KERF__TRY(kerf__buffer_unmap(buffer, bytes));
    return same ? KERF_OK
                : kerf__fail(KERF_ERR_OPENCL, "bytes that were mapped came back as others");
}

/* Moves some bytes in each of the ways there are, through buffers[0] and a view of [1]. */
static kerf_status move_bytes(kerf_device *dev, moved *m, kerf__buffer **buffers, kerf__mark **mark)
{
    const size_t align = dev->info.align_bytes;
    const uint32_t *sent = m->sent, *got = m->got;
    *m = (moved){{kerf__trial_noise(7, 0), kerf__trial_noise(7, 1)}, {1, 1, 1, 1}};
    KERF__TRY(kerf__buffer_create(&buffers[0], dev, sizeof m->got));
    KERF__TRY(kerf__buffer_create(&buffers[1], dev, 2 * align));
    KERF__TRY(kerf__buffer_create_view(&buffers[2], buffers[1], align, sizeof m->got));
    KERF__TRY(kerf__buffer_fill_zero(buffers[0], 0, sizeof m->got));
    KERF__TRY(kerf__buffer_upload(buffers[0], 4, sent, sizeof m->sent));
    KERF__TRY(kerf__buffer_copy(buffers[0], 0, buffers[2], 0, sizeof m->got));
    KERF__TRY(kerf__mark_create(mark, dev));
    KERF__TRY(kerf__mark_finish(*mark));
    if (!kerf__mark_is_done(*mark))
        return kerf__fail(KERF_ERR_OPENCL, "work that was waited for is said not to be done");
    KERF__TRY(kerf__buffer_read(buffers[1], align, m->got, sizeof m->got));
    if (got[0] != 0 || got[1] != sent[0] || got[2] != sent[1] || got[3] != 0)
        return kerf__fail(KERF_ERR_OPENCL, "bytes that were copied came back as others");
    KERF__TRY(map_bytes(buffers[2], m));
    return kerf_device_finish(dev);
}

static int try_moving(kerf_device *dev, moved *m)
{
    kerf__buffer *buffers[KERF__TRIAL_BUFFERS] = {NULL};
    kerf__mark *mark = NULL;
    kerf_status status = move_bytes(dev, m, buffers, &mark);
    kerf__mark_destroy(mark);
    for (int i = KERF__TRIAL_BUFFERS; i-- > 0;) /* a view goes before what it lies in */
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
    int good = kerf__trial_run(dev, &(kerf__trial){.entry = "probe_group",
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

/* All of so many bytes of local memory, by two groups. */
static int try_local(kerf_device *dev, size_t bytes)
{
    enum { LOCAL_GROUP = 64 };
    uint32_t dst[2 * LOCAL_GROUP] = {0}, words = (uint32_t)(bytes / sizeof(uint32_t));
    size_t group = dev->info.max_group < LOCAL_GROUP ? dev->info.max_group : LOCAL_GROUP;
    int good = kerf__trial_run(dev, &(kerf__trial){.entry = "probe_local",
                                                   .options = "",
                                                   .data = {dst},
                                                   .bytes = {2 * group * sizeof *dst},
                                                   .num = 1,
                                                   .local_bytes = words * sizeof *dst,
                                                   .grid = {1, {2, 1, 1}, {group, 1, 1}}});
    for (uint32_t i = 0; i < 2 * group && good; i++) {
        uint32_t sum = 0;
        for (uint32_t j = i % (uint32_t)group; j < words; j += (uint32_t)group)
            sum = sum * 3 + (words - 1 - j) * 2654435761u + i / (uint32_t)group;
        good = dst[i] == sum;
    }
    return good;
}

static int try_divide(kerf_device *dev)
{
    float x[ITEMS], y[ITEMS], dst[ITEMS];
    for (int i = 0; i < ITEMS; i++) {
        x[i] = (float)kerf__trial_noise(1, (uint64_t)i) * 0x1p-20f;
        y[i] = (float)kerf__trial_noise(2, (uint64_t)i) * 0x1p-30f + 0x1p-10f;
        dst[i] = 0;
    }
    int good = kerf__trial_run(dev, &(kerf__trial){.entry = "probe_divide",
                                                   .options = "",
                                                   .data = {x, y, dst},
                                                   .bytes = {sizeof x, sizeof y, sizeof dst},
                                                   .num = 3,
                                                   .grid = kerf__trial_grid(dev)});
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
    int good = kerf__trial_run(dev, &(kerf__trial){.entry = "probe_f16",
                                                   .options = "-DPROBE_F16",
                                                   .data = {x, dst},
                                                   .bytes = {sizeof x, sizeof dst},
                                                   .num = 2,
                                                   .grid = kerf__trial_grid(dev)});
    for (int i = 0; i < ITEMS && good; i++)
        good = dst[i][0] == x[i] * 8 && dst[i][1] == 2048 + 2 * rintf(x[i] / 2);
    return good;
}

static int try_f64(kerf_device *dev)
{
    float x[ITEMS], dst[ITEMS] = {0};
    for (int i = 0; i < ITEMS; i++)
        x[i] = (float)(i % 251 + 1);
    int good = kerf__trial_run(dev, &(kerf__trial){.entry = "probe_f64",
                                                   .options = "-DPROBE_F64",
                                                   .data = {x, dst},
                                                   .bytes = {sizeof x, sizeof dst},
                                                   .num = 2,
                                                   .grid = kerf__trial_grid(dev)});
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
    kerf__grid grid = kerf__trial_grid(dev);
    if (kerf__has_quirk(&dev->info, KERF__QUIRK_NO_SUB_GROUPS))
        return 0;
    int good = kerf__trial_run(dev, &(kerf__trial){.entry = "probe_sub_groups",
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

/* A vector an item, copied. */
static int try_streaming_stores(kerf_device *dev)
{
    enum { WORDS = 16 * ITEMS, BYTES = WORDS * sizeof(uint32_t) };
    uint32_t *src = kerf__alloc(2 * WORDS, sizeof *src), *dst = src + WORDS;
    if (src == NULL)
        return 0;
    for (uint32_t i = 0; i < WORDS; i++)
        src[i] = i;
    const int good = kerf__trial_run(dev, &(kerf__trial){.entry = "probe_copy_stream",
                                                         .options = "-DPROBE_STREAM",
                                                         .data = {src, dst},
                                                         .bytes = {BYTES, BYTES},
                                                         .num = 2,
                                                         .grid = kerf__trial_grid(dev)}) &&
                     memcmp(src, dst, BYTES) == 0;
    free(src);
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

static void tell(const kerf__listener *l, const char *what)
{
    char text[512];
    snprintf(text, sizeof text, "%s: %s", l->device, what);
    if (l->trying != NULL)
        l->trying(text);
}

static void try_limits(kerf_device *dev, const kerf__listener *l, kerf__verdict *verdict)
{
    tell(l, "large groups");
    verdict->max_group = dev->info.max_group;
    while (verdict->max_group > 64 && !try_group(dev, verdict->max_group))
        verdict->max_group /= 2;
    tell(l, "local memory");
    verdict->local_bytes = dev->info.local_bytes;
    while (verdict->local_bytes > 1024 && !try_local(dev, verdict->local_bytes))
        verdict->local_bytes -= verdict->local_bytes / 4;
}

static void try_dots(kerf_device *dev, const kerf__listener *l, kerf__verdict *verdict)
{
    char what[64];
    for (int i = 0; i < KERF_NUM_DOTS; i++) {
        snprintf(what, sizeof what, "dot product, form %s", kerf_dot_name((kerf_dot)i));
        tell(l, what);
        verdict->features.dot[i] = kerf__trial_dot(dev, (kerf_dot)i);
    }
}

void kerf__trial_features(kerf_device *dev, const kerf__listener *l, kerf__verdict *verdict)
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
        {"streaming stores", offsetof(kerf_device_features, streaming_stores),
         try_streaming_stores},
        {"saved programs", offsetof(kerf_device_features, binaries), try_binaries},
        {"joined launches", offsetof(kerf_device_features, joins), kerf__trial_joins},
    };
    for (size_t i = 0; i < sizeof TRIALS / sizeof TRIALS[0]; i++) {
        tell(l, TRIALS[i].what);
        *(int *)((char *)&verdict->features + TRIALS[i].offset) = TRIALS[i].attempt(dev);
    }
    try_dots(dev, l, verdict);
    try_limits(dev, l, verdict);
}

/* Every call that Kerf makes, those of a feature apart.  Why it does not work is the last
 * failure's message, its first line; a kernel that gave wrong numbers left none. */
static int try_basics(kerf_device *dev, moved *m, const kerf__listener *l, kerf__verdict *verdict)
{
    const kerf__message none = {""};
    kerf__message_put_back(&none);
    tell(l, "moving bytes");
    verdict->works = try_moving(dev, m);
    if (verdict->works) {
        tell(l, "a kernel");
        verdict->works = try_group(dev, verdict->max_group);
    }
    return verdict->works;
}

/* A device that is not fit is not opened. */
static int try_device(const kerf__opencl *cl, kerf__found found, int basic, const kerf__listener *l,
                      kerf__verdict *verdict, const kerf_device_info *info)
{
    kerf_device *dev;
    moved m;
    const char *why = verdict->why;
    if (kerf__device_is_unfit(cl, found.id, verdict->why, sizeof verdict->why))
        return 0;
    tell(l, "opening");
    if (kerf__device_open_found(&dev, cl, info, found) != KERF_OK) {
        why = kerf_last_error();
    } else if (!try_basics(dev, &m, l, verdict)) {
        why = kerf_last_error();
        why = *why != '\0' ? why : "a plain kernel gave wrong numbers";
    } else if (!basic) {
        kerf__trial_features(dev, l, verdict);
    }
    if (!verdict->works)
        snprintf(verdict->why, sizeof verdict->why, "%.*s", (int)strcspn(why, "\n"), why);
    tell(l, "closing");
    kerf_device_close(dev);
    return verdict->works;
}

/* Local memory that needs no trial: every phone has 16 KiB, and CPU devices, where it is memory
 * like any other, the 32 that the standard asks for and kernels in blocks of channels count on. */
static uint64_t sure_local_bytes(const kerf_device_info *info)
{
    const uint64_t sure = info->type == KERF_DEVICE_CPU ? 32 << 10 : 16 << 10;
    return info->local_bytes < sure ? info->local_bytes : sure;
}

static json_t *judge_device(const kerf__opencl *cl, const kerf__listing *list, size_t i, int basic,
                            void (*trying)(const char *what))
{
    const kerf_device_info *info = &list->infos[i];
    const kerf__listener l = {trying, info->name};
    kerf__verdict verdict = {.max_group = info->max_group < 64 ? info->max_group : 64,
                             .local_bytes = sure_local_bytes(info),
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
