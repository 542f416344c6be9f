/* sensors.c -- reads the system's files below /sys (or KERF_SYSFS, for tests); see sensors.h. */
#include "sensors.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "json.h"

/* ---- files -------------------------------------------------------------------------------------
 */

static const char *root(void)
{
    const char *told = getenv("KERF_SYSFS");
    return told != NULL && *told != '\0' ? told : "/sys";
}

/* The first line of a file; 0 if there is none. */
static int read_line(const char *path, char *text, size_t text_bytes)
{
    FILE *file = fopen(path, "r");
    const int good = file != NULL && fgets(text, (int)text_bytes, file) != NULL;
    if (file != NULL)
        fclose(file);
    text[good ? strcspn(text, "\r\n") : 0] = '\0';
    return good;
}

static double read_number(const char *path)
{
    char text[64], *end;
    if (!read_line(path, text, sizeof text))
        return NAN;
    const double x = strtod(text, &end);
    return end != text && isfinite(x) ? x : NAN;
}

/* "FOLDER/NAME"; 0 if that is too long. */
static int join(char *path, const char *folder, const char *name)
{
    return snprintf(path, SENSOR_PATH, "%s/%s", folder, name) < SENSOR_PATH;
}

/* Calls `visit` for each entry of a folder below the root until one says 1. */
static int each(const char *below, int (*visit)(void *context, const char *folder), void *context)
{
    char folder[SENSOR_PATH], entry_path[SENSOR_PATH];
    struct dirent *entry;
    int done = 0;
    DIR *dir = join(folder, root(), below) ? opendir(folder) : NULL;
    if (dir == NULL)
        return 0;
    while (!done && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.' && join(entry_path, folder, entry->d_name))
            done = visit(context, entry_path);
    closedir(dir);
    return done;
}

/* What a folder of hwmon, powercap or power_supply says that it is. */
static int is_named(const char *folder, const char *file, const char *const *names)
{
    char path[SENSOR_PATH], text[64];
    if (!join(path, folder, file) || !read_line(path, text, sizeof text))
        return 0;
    for (; *names != NULL; names++)
        if (strncmp(text, *names, strlen(*names)) == 0)
            return 1;
    return 0;
}

static const char *const PACKAGES[] = {"package-", NULL};
static const char *const CARDS[] = {"amdgpu", "xe", "i915", "nouveau", NULL};
static const char *const CPU_TEMPERATURES[] = {"coretemp", "k10temp", "zenpower", "cpu_thermal",
                                               NULL};
static const char *const CPU_METERS[] = {"zenpower", NULL};
static const char *const MACHINE_METERS[] = {"power_meter", NULL}; /* ACPI's */
static const char *const BATTERIES[] = {"Battery", NULL};
static const char *const OF_ANOTHER[] = {"Device", NULL}; /* a mouse has a battery, too */
static const char *const DISCHARGING[] = {"Discharging", NULL};

/* Whether a folder of hwmon is of the graphics card at this PCI address; where either has none,
 * any card will do. */
static int is_card(const char *folder, const char *pci)
{
    static const char KEY[] = "PCI_SLOT_NAME=";
    char path[SENSOR_PATH], line[256];
    int same = 1;
    if (!is_named(folder, "name", CARDS))
        return 0;
    FILE *file = join(path, folder, "device/uevent") ? fopen(path, "r") : NULL;
    while (file != NULL && *pci != '\0' && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (strncmp(line, KEY, sizeof KEY - 1) == 0)
            same = strcmp(line + sizeof KEY - 1, pci) == 0;
    }
    if (file != NULL)
        fclose(file);
    return same;
}

/* ---- energy ------------------------------------------------------------------------------------
 */

/* Adds a file that can be read; else says why it cannot. */
static int take(sensors *s, const char *folder, const char *file, sensor_kind kind)
{
    char *path = s->paths[s->num];
    if (s->num == SENSOR_PATHS || !join(path, folder, file))
        return 0;
    errno = 0;
    if (isnan(read_number(path))) {
        if (errno == EACCES)
            snprintf(s->why, sizeof s->why, "%s: %s", path, strerror(errno));
        return 0;
    }
    s->kind = kind;
    s->range[s->num] = NAN;
    s->num++;
    return 1;
}

/* A package with all in it; parts of it have folders of their own. */
static int visit_package(void *context, const char *folder)
{
    sensors *s = context;
    char path[SENSOR_PATH];
    const size_t at = s->num;
    if (strstr(folder, "mmio") == NULL && is_named(folder, "name", PACKAGES) &&
        take(s, folder, "energy_uj", SENSOR_COUNTER))
        s->range[at] = join(path, folder, "max_energy_range_uj") ? read_number(path) : NAN;
    return 0;
}

/* Its cores and what is beside them are two. */
static int visit_cpu(void *context, const char *folder)
{
    return is_named(folder, "name", CPU_METERS) &&
           take(context, folder, "power1_input", SENSOR_POWER) &&
           (take(context, folder, "power2_input", SENSOR_POWER) || 1);
}

/* The first of a meter's files; more are parts of it. */
static int take_one(sensors *s, const char *folder)
{
    return take(s, folder, "energy1_input", SENSOR_COUNTER) ||
           take(s, folder, "power1_average", SENSOR_POWER) ||
           take(s, folder, "power1_input", SENSOR_POWER);
}

static int visit_card(void *context, const char *folder)
{
    sensors *s = context;
    return is_card(folder, s->pci) && take_one(s, folder);
}

static int visit_machine(void *context, const char *folder)
{
    return is_named(folder, "name", MACHINE_METERS) && take_one(context, folder);
}

/* One that gives power, or current and voltage; what flows in tells nothing of the machine. */
static int visit_battery(void *context, const char *folder)
{
    sensors *s = context;
    if (!is_named(folder, "type", BATTERIES) || is_named(folder, "scope", OF_ANOTHER) ||
        !is_named(folder, "status", DISCHARGING))
        return 0;
    if (take(s, folder, "power_now", SENSOR_POWER))
        return 1;
    if (take(s, folder, "current_now", SENSOR_BATTERY) &&
        take(s, folder, "voltage_now", SENSOR_BATTERY))
        return 1;
    s->num = 0;
    return 0;
}

/* In the order that they are asked: what measures less beside the device comes first. */
static const struct meter {
    const char *below, *source;
    int (*visit)(void *context, const char *folder);
    int cpus, gpus;
} METERS[] = {
    {"class/powercap", "rapl", visit_package, 1, 0},
    {"class/hwmon", "processor", visit_cpu, 1, 0},
    {"class/hwmon", "graphics card", visit_card, 0, 1},
    {"class/hwmon", "power meter, the whole machine", visit_machine, 1, 1},
    {"class/power_supply", "battery, the whole machine", visit_battery, 1, 1},
};

void sensors_open(sensors *s, const kerf_device_info *device)
{
    *s = (sensors){.is_gpu = device->type != KERF_DEVICE_CPU};
    snprintf(s->pci, sizeof s->pci, "%s", device->pci);
    for (size_t i = 0; i < sizeof METERS / sizeof *METERS && s->num == 0; i++)
        if (s->is_gpu ? METERS[i].gpus : METERS[i].cpus) {
            each(METERS[i].below, METERS[i].visit, s);
            snprintf(s->source, sizeof s->source, "%s", METERS[i].source);
        }
    if (s->num > 0)
        return;
    s->kind = SENSOR_NONE;
    s->source[0] = '\0';
    if (s->why[0] == '\0')
        snprintf(s->why, sizeof s->why, "the system has no meter of it");
}

/* Some batteries give what flows out a sign. */
static double watts_now(const sensors *s)
{
    double microwatts = 0;
    if (s->kind == SENSOR_BATTERY)
        return fabs(1e-12 * read_number(s->paths[0]) * read_number(s->paths[1]));
    for (size_t i = 0; i < s->num; i++)
        microwatts += fabs(read_number(s->paths[i]));
    return 1e-6 * microwatts;
}

static void look(sensors *s, int counts)
{
    const double ms = now_ms();
    for (size_t i = 0; s->kind == SENSOR_COUNTER && i < s->num; i++) {
        const double x = read_number(s->paths[i]);
        const double more = x < s->last[i] ? x - s->last[i] + s->range[i] : x - s->last[i];
        s->joules += counts ? 1e-6 * more : 0;
        s->last[i] = x;
    }
    if (s->kind == SENSOR_POWER || s->kind == SENSOR_BATTERY) {
        const double watts = watts_now(s);
        s->joules += counts ? 1e-3 * (ms - s->last_ms) * (watts + s->last[0]) / 2 : 0;
        s->last[0] = watts;
    }
    s->last_ms = ms;
}

void sensors_start(sensors *s)
{
    s->joules = 0;
    look(s, 0);
}

void sensors_tick(sensors *s)
{
    look(s, 1);
}

double sensors_joules(const sensors *s)
{
    return s->kind != SENSOR_NONE && s->joules > 0 ? s->joules : NAN;
}

/* ---- clock and warmth --------------------------------------------------------------------------
 */

typedef struct reading {
    const sensors *of; /* borrowed */
    int num;
    double sum;
} reading;

static void add(reading *r, double x)
{
    if (isfinite(x)) {
        r->sum += x;
        r->num++;
    }
}

static int visit_core(void *context, const char *folder)
{
    char path[SENSOR_PATH];
    const char *name = strrchr(folder, '/') + 1;
    if (strncmp(name, "cpu", 3) == 0 && name[3] >= '0' && name[3] <= '9' &&
        join(path, folder, "cpufreq/scaling_cur_freq"))
        add(context, 1e-3 * read_number(path));
    return 0;
}

static int visit_warmth(void *context, const char *folder)
{
    reading *r = context;
    char path[SENSOR_PATH];
    const int is_ours =
        r->of->is_gpu ? is_card(folder, r->of->pci) : is_named(folder, "name", CPU_TEMPERATURES);
    if (is_ours && join(path, folder, "temp1_input"))
        add(r, 1e-3 * read_number(path));
    return 0;
}

/* Of the graphics card. */
static int visit_clock(void *context, const char *folder)
{
    reading *r = context;
    char path[SENSOR_PATH];
    if (is_card(folder, r->of->pci) && join(path, folder, "freq1_input"))
        add(r, 1e-6 * read_number(path));
    return 0;
}

static json_t *mean_json(const reading *r)
{
    return json_number(r->num > 0 ? r->sum / r->num : (double)NAN);
}

json_t *sensors_now(const sensors *s)
{
    reading clock = {.of = s}, warmth = clock;
    if (s->is_gpu)
        each("class/hwmon", visit_clock, &clock);
    else
        each("devices/system/cpu", visit_core, &clock);
    each("class/hwmon", visit_warmth, &warmth);
    return json_pack("{s:o,s:o}", "clock_mhz", mean_json(&clock), "temperature_c",
                     mean_json(&warmth));
}
