/* sensors.h -- what a system tells of energy, clock and warmth while something is timed.
 *
 * Energy is counted or added up from power: of the processor (RAPL, hwmon) for CPU devices, of the
 * graphics card for GPUs, else of the whole machine (ACPI's meter, a battery that is in use). Where
 * nothing is there or may be read, it is unknown and a text says why.  Other half: sensors.c. */
#ifndef HOST_SENSORS_H
#define HOST_SENSORS_H

#include <jansson.h>

#include "kerf/kerf.h"

enum { SENSOR_PATHS = 8, SENSOR_PATH = 300 };

typedef enum sensor_kind {
    SENSOR_NONE,
    SENSOR_COUNTER, /* microjoules so far; begins anew at `range` */
    SENSOR_POWER,   /* microwatts now */
    SENSOR_BATTERY  /* microamperes and microvolts now */
} sensor_kind;

typedef struct sensors {
    sensor_kind kind;
    char source[64]; /* "rapl", "graphics card": METERS of sensors.c */
    char why[400];   /* there is none */
    char paths[SENSOR_PATHS][SENSOR_PATH];
    size_t num; /* of paths */
    double range[SENSOR_PATHS], last[SENSOR_PATHS];
    double last_ms, joules; /* since sensors_start() */
    int is_gpu;
    char pci[32]; /* of a graphics card, "" where unknown */
} sensors;

/* Finds them; nothing to close. */
void sensors_open(sensors *s, const kerf_device_info *device);
/* Counts from here on; tick as often as is convenient, power is what it was at the ticks. */
void sensors_start(sensors *s);
void sensors_tick(sensors *s);
/* Joules from the start to the last tick; NAN: unknown, or too short to be told. */
double sensors_joules(const sensors *s);

/* {"clock_mhz", "temperature_c"} of now; null where unknown. */
json_t *sensors_now(const sensors *s);

#endif
