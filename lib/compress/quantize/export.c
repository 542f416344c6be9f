/* compress/quantize/export.c -- the rewrites that a reader needs, in their order; see
 * kerf/quantize.h.  What it then makes of the graph: export_rules.c. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/export_internal.h"

enum {
    ORT = 1 << KERF_PROFILE_ORT | 1 << KERF_PROFILE_ORT_MOBILE,
    TRT = 1 << KERF_PROFILE_TRT,
    OPENVINO = 1 << KERF_PROFILE_OPENVINO,
    EVERY = (1 << KERF_NUM_PROFILES) - 1
};

static const struct {
    unsigned profiles;
    kerf_status (*rewrite)(kerf__exporting *x);
} REWRITES[] = {
    {EVERY, kerf__export_round_moves},  {EVERY, kerf__export_split_gemm},
    {ORT, kerf__export_unbind},         {ORT | TRT, kerf__export_activations},
    {EVERY, kerf__export_biases},       {TRT | OPENVINO, kerf__export_widen},
    {TRT | OPENVINO, kerf__export_pad},
};

kerf_status kerf__export_note(kerf__exporting *x, const char *name, const char *what)
{
    if (!kerf__grow((void **)&x->changes, &x->capacity, x->num, sizeof *x->changes))
        return kerf__fail_memory("export", x->num * sizeof *x->changes);
    kerf_export_change *c = &x->changes[x->num++];
    snprintf(c->name, sizeof c->name, "%s", name);
    c->what = what;
    return KERF_OK;
}

static kerf_status rewrite(kerf__exporting *x)
{
    for (size_t i = 0; i < sizeof REWRITES / sizeof REWRITES[0]; i++)
        if (REWRITES[i].profiles >> x->profile & 1)
            KERF__TRY(REWRITES[i].rewrite(x));
    KERF__TRY(kerf__graph_sort(x->g));
    kerf__graph_remove_dead(x->g);
    return KERF_OK;
}

kerf_status kerf_export(kerf_graph *g, kerf_profile profile, kerf_export_change **changes,
                        size_t *num_changes)
{
    kerf__exporting x = {.g = g, .profile = profile};
    *changes = NULL;
    *num_changes = 0;
    if ((unsigned)profile >= KERF_NUM_PROFILES)
        return kerf__fail(KERF_ERR_ARGUMENT, "export: profile %d: must be one of kerf/quantize.h",
                          (int)profile);
    const kerf_status status = rewrite(&x);
    if (status != KERF_OK) {
        free(x.changes);
        return status;
    }
    *changes = x.changes;
    *num_changes = x.num;
    return KERF_OK;
}
