/* test_sensors.c -- energy, clock and warmth out of made-up trees of the system's files, by a clock
 * that the test sets, so joules are known. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../host/files.h"
#include "../../host/sensors.h"
#include "check.h"

enum { PATH = 400 };
static double clock_ms;
static char top[64], root[PATH];

/* In place of that of host/files.c. */
double now_ms(void)
{
    return clock_ms;
}

/* ---- made-up trees -----------------------------------------------------------------------------
 */

/* Each test begins with a tree of its own. */
static void begin_tree(const char *name)
{
    snprintf(root, sizeof root, "%s/%s", top, name);
    CHECK(mkdir(root, 0700) == 0);
    CHECK(setenv("KERF_SYSFS", root, 1) == 0);
}

/* Writes a file below the root and makes the folders that it stands in. */
static void put(const char *below, const char *text)
{
    char path[2 * PATH];
    snprintf(path, sizeof path, "%s/%s", root, below);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL;
         *slash++ = '/') {
        *slash = '\0';
        mkdir(path, 0700);
    }
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    if (file == NULL)
        return;
    fprintf(file, "%s\n", text);
    fclose(file);
}

static sensors opened(kerf_device_type type, const char *pci)
{
    sensors s;
    kerf_device_info info = {.type = type};
    snprintf(info.pci, sizeof info.pci, "%s", pci);
    sensors_open(&s, &info);
    return s;
}

static void tick_after(sensors *s, double ms)
{
    clock_ms += ms;
    sensors_tick(s);
}

static int is(double got, double want)
{
    return fabs(got - want) < 1e-9 * fabs(want);
}

static double joules_of_a_second(sensors *s)
{
    sensors_start(s);
    tick_after(s, 1000);
    return sensors_joules(s);
}

/* ---- energy ------------------------------------------------------------------------------------
 */

static void test_nothing(void)
{
    begin_tree("nothing");
    sensors s = opened(KERF_DEVICE_CPU, "");
    CHECK(s.kind == SENSOR_NONE && s.num == 0 && s.source[0] == '\0');
    CHECK(strcmp(s.why, "the system has no meter of it") == 0);
    CHECK(isnan(joules_of_a_second(&s)));
}

/* Two packages; parts of them and the copy behind memory are left out.  One begins anew. */
static void test_packages(void)
{
    begin_tree("packages");
    put("class/powercap/intel-rapl:0/name", "package-0");
    put("class/powercap/intel-rapl:0/energy_uj", "900000");
    put("class/powercap/intel-rapl:0/max_energy_range_uj", "1000000");
    put("class/powercap/intel-rapl:1/name", "package-1");
    put("class/powercap/intel-rapl:1/energy_uj", "5000000");
    put("class/powercap/intel-rapl:0:0/name", "core");
    put("class/powercap/intel-rapl:0:0/energy_uj", "0");
    put("class/powercap/intel-rapl-mmio:0/name", "package-0");
    put("class/powercap/intel-rapl-mmio:0/energy_uj", "0");
    put("class/power_supply/BAT0/type", "Battery");
    put("class/power_supply/BAT0/status", "Discharging");
    put("class/power_supply/BAT0/power_now", "9000000");
    sensors s = opened(KERF_DEVICE_CPU, "");
    CHECK(s.num == 2 && strcmp(s.source, "rapl") == 0);
    sensors_start(&s);
    put("class/powercap/intel-rapl:0/energy_uj", "100000");
    put("class/powercap/intel-rapl:1/energy_uj", "7000000");
    tick_after(&s, 10);
    CHECK(is(sensors_joules(&s), 0.2 + 2));
    sensors_start(&s); /* too short: the counter has not moved */
    tick_after(&s, 1);
    CHECK(isnan(sensors_joules(&s)));
}

/* What only root may read is told, and the next meter is asked.  Root reads all. */
static void test_forbidden(void)
{
    char path[2 * PATH];
    begin_tree("forbidden");
    put("class/powercap/intel-rapl:0/name", "package-0");
    put("class/powercap/intel-rapl:0/energy_uj", "1");
    snprintf(path, sizeof path, "%s/class/powercap/intel-rapl:0/energy_uj", root);
    CHECK(chmod(path, 0) == 0);
    if (geteuid() == 0)
        return;
    sensors s = opened(KERF_DEVICE_CPU, "");
    CHECK(s.kind == SENSOR_NONE && strstr(s.why, "energy_uj: Permission denied") != NULL);
}

static void test_processor(void)
{
    begin_tree("processor");
    put("class/hwmon/hwmon3/name", "zenpower");
    put("class/hwmon/hwmon3/power1_input", "30000000");
    put("class/hwmon/hwmon3/power2_input", "12000000");
    sensors s = opened(KERF_DEVICE_CPU, "");
    CHECK(strcmp(s.source, "processor") == 0 && is(joules_of_a_second(&s), 42));
}

/* Of two cards the device's own, by its place on the bus. */
static void test_cards(void)
{
    begin_tree("cards");
    put("class/hwmon/hwmon0/name", "amdgpu");
    put("class/hwmon/hwmon0/device/uevent", "DRIVER=amdgpu\nPCI_SLOT_NAME=0000:03:00.0");
    put("class/hwmon/hwmon0/power1_average", "100000000");
    put("class/hwmon/hwmon0/temp1_input", "40000");
    put("class/hwmon/hwmon0/freq1_input", "1500000000");
    put("class/hwmon/hwmon1/name", "xe");
    put("class/hwmon/hwmon1/device/uevent", "DRIVER=xe\nPCI_SLOT_NAME=0000:0a:00.0");
    put("class/hwmon/hwmon1/energy1_input", "1000000");
    put("class/hwmon/hwmon1/temp1_input", "60000");
    put("class/hwmon/hwmon2/name", "k10temp");
    put("class/hwmon/hwmon2/temp1_input", "90000");
    sensors power = opened(KERF_DEVICE_GPU, "0000:03:00.0");
    CHECK(power.kind == SENSOR_POWER && is(joules_of_a_second(&power), 100));
    sensors counter = opened(KERF_DEVICE_GPU, "0000:0a:00.0");
    CHECK(counter.kind == SENSOR_COUNTER && strcmp(counter.source, "graphics card") == 0);
    sensors_start(&counter);
    put("class/hwmon/hwmon1/energy1_input", "3500000");
    tick_after(&counter, 20);
    CHECK(is(sensors_joules(&counter), 2.5));
    put("class/hwmon/hwmon1/energy1_input", "10"); /* a driver was loaded anew */
    tick_after(&counter, 20);
    CHECK(isnan(sensors_joules(&counter)));
    CHECK(opened(KERF_DEVICE_GPU, "0000:44:00.0").kind == SENSOR_NONE);
    CHECK(opened(KERF_DEVICE_GPU, "").kind != SENSOR_NONE);
    json_t *now = sensors_now(&power);
    CHECK(is(json_real_value(json_object_get(now, "temperature_c")), 40));
    CHECK(is(json_real_value(json_object_get(now, "clock_mhz")), 1500));
    json_decref(now);
}

static void test_machine(void)
{
    begin_tree("machine");
    put("class/hwmon/hwmon0/name", "power_meter");
    put("class/hwmon/hwmon0/power1_average", "250000000");
    sensors s = opened(KERF_DEVICE_GPU, "0000:03:00.0");
    CHECK(is(joules_of_a_second(&s), 250));
    CHECK(strcmp(s.source, "power meter, the whole machine") == 0);
}

/* Power that changes is added up between the ticks. */
static void test_battery_power(void)
{
    begin_tree("battery");
    put("class/power_supply/AC/type", "Mains");
    put("class/power_supply/AC/power_now", "1");
    put("class/power_supply/hidpp_battery_0/type", "Battery");
    put("class/power_supply/hidpp_battery_0/scope", "Device");
    put("class/power_supply/hidpp_battery_0/status", "Discharging");
    put("class/power_supply/hidpp_battery_0/power_now", "7");
    put("class/power_supply/BAT0/type", "Battery");
    put("class/power_supply/BAT0/status", "Discharging");
    put("class/power_supply/BAT0/power_now", "10000000");
    sensors s = opened(KERF_DEVICE_CPU, "");
    CHECK(strcmp(s.source, "battery, the whole machine") == 0 && s.num == 1);
    sensors_start(&s);
    put("class/power_supply/BAT0/power_now", "20000000");
    tick_after(&s, 100);
    tick_after(&s, 100);
    CHECK(is(sensors_joules(&s), 1.5 + 2));
    put("class/power_supply/BAT0/status", "Charging");
    CHECK(opened(KERF_DEVICE_CPU, "").kind == SENSOR_NONE);
    put("class/power_supply/BAT0/status", "Not charging");
    CHECK(opened(KERF_DEVICE_CPU, "").kind == SENSOR_NONE);
}

/* As phones have it, where what flows out is below 0. */
static void test_battery_current(void)
{
    begin_tree("phone");
    put("class/power_supply/battery/type", "Battery");
    put("class/power_supply/battery/status", "Discharging");
    put("class/power_supply/battery/current_now", "-500000");
    CHECK(opened(KERF_DEVICE_GPU, "").kind == SENSOR_NONE); /* no voltage */
    put("class/power_supply/battery/voltage_now", "4000000");
    sensors s = opened(KERF_DEVICE_GPU, "");
    CHECK(s.kind == SENSOR_BATTERY && is(joules_of_a_second(&s), 2));
    put("class/power_supply/battery/voltage_now", "not a number");
    CHECK(isnan(joules_of_a_second(&s)));
}

/* ---- clock and warmth --------------------------------------------------------------------------
 */

static void test_processor_now(void)
{
    begin_tree("now");
    sensors s = opened(KERF_DEVICE_CPU, "");
    json_t *now = sensors_now(&s);
    CHECK(json_is_null(json_object_get(now, "clock_mhz")));
    CHECK(json_is_null(json_object_get(now, "temperature_c")));
    json_decref(now);
    put("class/hwmon/hwmon0/name", "coretemp");
    put("class/hwmon/hwmon0/temp1_input", "51500");
    put("devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "3000000");
    put("devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "2000000");
    put("devices/system/cpu/cpuidle/cpufreq/scaling_cur_freq", "1");
    now = sensors_now(&s);
    CHECK(is(json_real_value(json_object_get(now, "clock_mhz")), 2500));
    CHECK(is(json_real_value(json_object_get(now, "temperature_c")), 51.5));
    json_decref(now);
}

int main(void)
{
    char command[100];
    snprintf(top, sizeof top, "/tmp/kerf-sensors-XXXXXX");
    if (mkdtemp(top) == NULL)
        return 1;
    test_nothing();
    test_packages();
    test_forbidden();
    test_processor();
    test_cards();
    test_machine();
    test_battery_power();
    test_battery_current();
    test_processor_now();
    snprintf(command, sizeof command, "rm -r %s", top);
    CHECK(system(command) == 0);
    return check_result();
}
