/* cmd_fold.c -- `kerf fold`: the numbers of a preparation go into the first layer; no device is
 * touched. */
#include "command.h"
#include "json.h"
#include "model.h"

static int report(const options *o, const model *m, const char *before)
{
    const char *rest = kerf_graph_metadata(m->g, "kerf.prep");
    if (!o->json) {
        fprintf(result_stream(o), "%s: was prepared by %s, is now by %s\n", o->output, before,
                rest);
        return EXIT_DONE;
    }
    json_t *object = json_begin();
    json_object_set_new(object, "before", json_text(before));
    json_object_set_new(object, "prep", json_text(rest));
    json_object_set_new(object, "output", json_text(o->output));
    return json_finish(o, object);
}

static int fold(const options *o, const model *m)
{
    kerf_prep ignored;
    const char *text = o->prep != NULL ? o->prep : kerf_graph_metadata(m->g, "kerf.prep");
    char before[512];
    if (text == NULL)
        return fail_usage(o, "--prep is missing: %s does not say how its images are prepared",
                          m->path);
    if (o->prep != NULL && kerf_prep_parse(&ignored, o->prep) != KERF_OK)
        return fail_usage(o, "--prep %s: %s", o->prep, kerf_last_error());
    snprintf(before, sizeof before, "%s", text);
    if (kerf_graph_fold_prep(m->g, m->s, o->prep) != KERF_OK)
        return fail_work(o, "%s: %s", m->path, kerf_last_error());
    const int code = model_write(o, m->g, m->s, o->output);
    return code == 0 ? report(o, m, before) : code;
}

int cmd_fold(const options *o)
{
    model m;
    int code = output_needed(o);
    if (code != 0)
        return code;
    code = model_read(o, &m, o->words.items[0], NULL);
    if (code == 0)
        code = fold(o, &m);
    model_free(&m);
    return code;
}
