/* points.c -- what came of runs; see points.h.  Running them: points_run.c. */
#include "points.h"

#include <math.h>
#include <stdlib.h>

#include "files.h"
#include "json.h"
#include "say.h"

void points_free(point_run *points, size_t num)
{
    for (size_t i = 0; points != NULL && i < num; i++) {
        free(points[i].dir);
        free(points[i].sets);
    }
    free(points);
}

static double last_ms(const char *dir)
{
    size_t i;
    double sum = 0;
    json_t *one, *layers = folder_read_json(dir, "layers.json");
    json_array_foreach(json_object_get(layers, "after"), i, one) sum +=
        json_number_value(json_object_get(one, "ms"));
    json_decref(layers);
    return sum > 0 ? sum : NAN;
}

int point_check(const options *o, const char *dir)
{
    if (folder_has(dir, "summary.json"))
        return 0;
    return fail_work(o, "%s: has no summary.json here; the folder must be the same on all ranks",
                     dir);
}

json_t *point_json(const char *dir, int64_t seed)
{
    json_t *summary = folder_read_json(dir, "summary.json");
    json_t *after = json_object_get(summary, "after");
    static const char *const KEYS[] = {"top1", "val_top1", "bytes", "nonzeros", "nonzero_macs"};
    json_t *run = json_pack("{s:I,s:o,s:o}", "seed", (json_int_t)seed, "run", json_text(dir), "ms",
                            json_number(last_ms(dir)));
    for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++)
        json_object_set(run, KEYS[i], json_object_get(after, KEYS[i]));
    json_object_set(run, "val_top1_before",
                    json_object_get(json_object_get(summary, "before"), "val_top1"));
    json_decref(summary);
    return run;
}
