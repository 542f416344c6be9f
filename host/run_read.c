/* run_read.c -- a run's folder: metrics.jsonl, summary.json, layers.json, recipe.yaml; see
 * run_read.h.
 *
 * Fields are rows of tables: key, where it goes.  A number is a number or null, anything else
 * makes the file one that is refused, with its name, the key and what would be right. */
#include "run_read.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "files.h"
#include "text.h"

const char *const run_sides[RUN_SIDES] = {"before", "after"};

void run_init(run_record *r)
{
    *r = (run_record){.seconds = NAN, .seed = NAN};
    for (int k = 0; k < RUN_SIDES; k++)
        r->standing[k] = (run_standing){NAN, NAN, NAN, NAN, {NAN, NAN, NAN, NAN, NAN, NAN}};
}

static void free_layer(run_layer *l)
{
    for (int k = 0; l->weights != NULL && k < RUN_SIDES; k++)
        free(l->weights->norms[k]);
    free(l->weights);
}

void run_free(run_record *r)
{
    for (size_t i = 0; i < r->num_layers; i++)
        free_layer(&r->layers[i]);
    free(r->layers);
    free(r->epochs);
    free(r->events);
    free(r->command);
    free(r->recipe);
    free(r->environment);
    free(r->stages);
    run_init(r);
}

/* ---- checked fields ------------------------------------------------------------------------ */

static int refuse(run_why *why, const char *format, const char *what)
{
    snprintf(why->text, sizeof why->text, format, what);
    return 1;
}

static int no_memory(run_why *why)
{
    return refuse(why, "%s", "out of memory");
}

typedef struct number_row {
    const char *key;
    size_t offset; /* of a double */
} number_row;

/* null and what is not there are NAN. */
static int get_number(const json_t *object, const char *key, double *x, run_why *why)
{
    const json_t *value = json_object_get(object, key);
    *x = json_is_number(value) ? json_number_value(value) : NAN;
    if (value == NULL || json_is_null(value) || json_is_number(value))
        return 0;
    return refuse(why, "\"%s\" must be a number or null", key);
}

static int get_numbers(const json_t *object, const number_row *rows, size_t num_rows, void *out,
                       run_why *why)
{
    int bad = 0;
    for (size_t i = 0; i < num_rows && !bad; i++)
        bad = get_number(object, rows[i].key, (double *)((char *)out + rows[i].offset), why);
    return bad;
}
#define NUM(rows) (sizeof(rows) / sizeof(rows)[0])

/* Cut to fit, and fit for any terminal. */
static int get_text(const json_t *object, const char *key, char *text, size_t text_bytes,
                    run_why *why)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value))
        return refuse(why, "\"%s\" must be a text", key);
    snprintf(text, text_bytes, "%s", json_string_value(value));
    clean_text(text);
    return 0;
}

/* NULL is fine: *array is NULL then, which has no elements. */
static int get_array(const json_t *object, const char *key, size_t most, const json_t **array,
                     run_why *why)
{
    *array = json_object_get(object, key);
    if (json_is_null(*array))
        *array = NULL;
    if (*array != NULL && !json_is_array(*array))
        return refuse(why, "\"%s\" must be an array", key);
    return json_array_size(*array) > most ? refuse(why, "\"%s\" has too many entries", key) : 0;
}

static int parse_object(const char *text, json_t **object, run_why *why)
{
    json_error_t error;
    *object = json_loads(text, 0, &error);
    if (json_is_object(*object))
        return 0;
    if (*object != NULL)
        return refuse(why, "%s", "must be a JSON object");
    clean_text(error.text);
    return refuse(why, "is no JSON: %s", error.text);
}

/* ---- metrics.jsonl -------------------------------------------------------------------------- */

static const number_row epoch_rows[] = {
    {"epoch", offsetof(run_epoch, epoch)},
    {"loss", offsetof(run_epoch, loss)},
    {"val_top1", offsetof(run_epoch, val_top1)},
    {"val_loss", offsetof(run_epoch, val_loss)},
    {"lr", offsetof(run_epoch, lr)},
    {"seconds", offsetof(run_epoch, seconds)},
    {"sparsity", offsetof(run_epoch, sparsity)},
    {"images_per_s", offsetof(run_epoch, images_per_s)},
};

static int add_events(run_record *r, const json_t *line, run_why *why)
{
    const json_t *list;
    if (get_array(line, "events", RUN_MOST_EVENTS - r->num_events, &list, why))
        return 1;
    const size_t num = json_array_size(list);
    run_event *events = realloc(r->events, (r->num_events + num + 1) * sizeof *events);
    if (events == NULL)
        return no_memory(why);
    r->events = events;
    for (size_t i = 0; i < num; i++) {
        run_event *e = &events[r->num_events];
        const json_t *item = json_array_get(list, i);
        if (get_number(item, "at", &e->at, why) ||
            get_text(item, "what", e->what, sizeof e->what, why))
            return 1;
        r->num_events += isfinite(e->at) ? 1 : 0;
    }
    return 0;
}

static int add_epoch(run_record *r, const json_t *line, run_why *why)
{
    if (r->num_epochs == RUN_MOST_EPOCHS)
        return refuse(why, "%s", "has too many epochs");
    if (r->num_epochs % 64 == 0) {
        run_epoch *epochs = realloc(r->epochs, (r->num_epochs + 64) * sizeof *epochs);
        if (epochs == NULL)
            return no_memory(why);
        r->epochs = epochs;
    }
    run_epoch *e = &r->epochs[r->num_epochs];
    if (get_numbers(line, epoch_rows, NUM(epoch_rows), e, why))
        return 1;
    if (!isfinite(e->epoch))
        return refuse(why, "%s", "\"epoch\" must be a number");
    r->num_epochs++;
    return add_events(r, line, why);
}

static int parse_line(run_record *r, const char *line, run_why *why)
{
    json_t *object;
    int bad = parse_object(line, &object, why);
    if (!bad)
        bad = add_epoch(r, object, why);
    json_decref(object);
    return bad;
}

/* A last line without its end is one that is just being written. */
int run_parse_metrics(run_record *r, const char *text, run_why *why)
{
    int bad = 0, number = 1;
    for (const char *p = text, *end; !bad && (end = strchr(p, '\n')) != NULL; p = end + 1) {
        run_why inner;
        char *line = copy_text(p, (size_t)(end - p), 0);
        bad = line == NULL ? no_memory(&inner) : end > p && parse_line(r, line, &inner);
        free(line);
        if (bad)
            snprintf(why->text, sizeof why->text, "line %d: %.200s", number, inner.text);
        number++;
    }
    return bad;
}

/* ---- summary.json --------------------------------------------------------------------------- */

static const number_row side_rows[] = {
    {"weights", offsetof(run_side, weights)}, {"nonzeros", offsetof(run_side, nonzeros)},
    {"bits", offsetof(run_side, bits)},       {"bytes", offsetof(run_side, bytes)},
    {"macs", offsetof(run_side, macs)},       {"ms", offsetof(run_side, ms)},
};
static const number_row standing_rows[] = {
    {"top1", offsetof(run_standing, top1)},
    {"top5", offsetof(run_standing, top5)},
    {"loss", offsetof(run_standing, loss)},
    {"samples", offsetof(run_standing, samples)},
};

static int parse_standing(run_standing *s, const json_t *object, run_why *why)
{
    return get_numbers(object, standing_rows, NUM(standing_rows), s, why) ||
           get_numbers(object, side_rows, NUM(side_rows), &s->all, why);
}

/* Words of an array, or lines of an object's texts: joined by `between`. */
static char *join_texts(const json_t *list, const char *between)
{
    enum { MOST = 1 << 14 };
    char *text = calloc(MOST + 1, 1);
    size_t used = 0;
    for (size_t i = 0; text != NULL && i < json_array_size(list); i++) {
        const char *word = json_string_value(json_array_get(list, i));
        if (word != NULL && used + strlen(between) + strlen(word) < MOST)
            used += (size_t)snprintf(text + used, MOST - used, "%s%s", i > 0 ? between : "", word);
    }
    return text;
}

static char *environment_text(const json_t *object)
{
    static const char *const keys[] = {"kerf", "device", "platform", "driver", "opencl"};
    json_t *lines = json_array();
    for (size_t i = 0; i < NUM(keys); i++) {
        const char *value = json_string_value(json_object_get(object, keys[i]));
        if (value != NULL)
            json_array_append_new(lines, json_sprintf("%s: %s", keys[i], value));
    }
    char *text = join_texts(lines, "\n");
    json_decref(lines);
    return text;
}

/* A name is that of a folder in this one, and leads nowhere else. */
static int parse_stages(run_record *r, const json_t *object, run_why *why)
{
    const json_t *list;
    if (get_array(object, "stages", RUN_MOST_STAGES, &list, why))
        return 1;
    const size_t num = json_array_size(list);
    free(r->stages);
    r->num_stages = 0;
    r->stages = calloc(num + 1, sizeof *r->stages);
    if (r->stages == NULL)
        return no_memory(why);
    for (size_t i = 0; i < num; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name == NULL || name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL ||
            strlen(name) >= sizeof r->stages[0])
            return refuse(why, "%s", "\"stages\" must be names of folders");
        snprintf(r->stages[r->num_stages++], sizeof r->stages[0], "%s", name);
    }
    return 0;
}

static int parse_summary(run_record *r, const json_t *object, run_why *why)
{
    const json_t *command;
    int bad = parse_stages(r, object, why) || get_array(object, "command", 1024, &command, why) ||
              get_number(object, "seconds", &r->seconds, why) ||
              get_number(object, "seed", &r->seed, why);
    for (int k = 0; k < RUN_SIDES && !bad; k++) {
        const json_t *side = json_object_get(object, run_sides[k]);
        bad = json_is_object(side) ? parse_standing(&r->standing[k], side, why)
                                   : refuse(why, "\"%s\" must be an object", run_sides[k]);
    }
    if (bad)
        return 1;
    free(r->command);
    free(r->environment);
    r->command = join_texts(command, " ");
    r->environment = environment_text(json_object_get(object, "environment"));
    if (r->command == NULL || r->environment == NULL)
        return no_memory(why);
    clean_text(r->command);
    r->is_finished = 1;
    return 0;
}

int run_parse_summary(run_record *r, const char *text, run_why *why)
{
    json_t *object;
    int bad = parse_object(text, &object, why);
    if (!bad)
        bad = parse_summary(r, object, why);
    json_decref(object);
    return bad;
}

/* ---- layers.json ---------------------------------------------------------------------------- */

run_layer *run_layer_named(run_record *r, const char *name)
{
    for (size_t i = 0; i < r->num_layers; i++)
        if (strcmp(r->layers[i].name, name) == 0)
            return &r->layers[i];
    run_layer *layers = realloc(r->layers, (r->num_layers + 1) * sizeof *layers);
    if (layers == NULL || r->num_layers == RUN_MOST_LAYERS) {
        r->layers = layers != NULL ? layers : r->layers;
        return NULL;
    }
    r->layers = layers;
    run_layer *l = &layers[r->num_layers++];
    *l = (run_layer){.weights = NULL};
    for (int k = 0; k < RUN_SIDES; k++)
        l->side[k] = (run_side){NAN, NAN, NAN, NAN, NAN, NAN};
    snprintf(l->name, sizeof l->name, "%s", name);
    return l;
}

static int layer_of(run_record *r, const json_t *item, run_layer **l, run_why *why)
{
    char name[sizeof(*l)->name];
    if (get_text(item, "name", name, sizeof name, why))
        return 1;
    *l = run_layer_named(r, name);
    return *l == NULL ? refuse(why, "%s", "has too many layers") : 0;
}

static int parse_sides(run_record *r, const json_t *object, int side, run_why *why)
{
    const json_t *list;
    if (get_array(object, run_sides[side], RUN_MOST_LAYERS, &list, why))
        return 1;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        run_layer *l;
        if (layer_of(r, item, &l, why) ||
            get_numbers(item, side_rows, NUM(side_rows), &l->side[side], why))
            return 1;
    }
    return 0;
}

static double element_of(const json_t *list, size_t i)
{
    const json_t *x = json_array_get(list, i);
    return json_is_number(x) ? json_number_value(x) : NAN;
}

static int parse_bins(run_weights *w, const json_t *bins, int side, run_why *why)
{
    const json_t *list;
    if (get_array(bins, run_sides[side], LAYER_BINS, &list, why))
        return 1;
    for (size_t i = 0; i < LAYER_BINS; i++)
        w->bins[side][i] = element_of(list, i);
    return 0;
}

static int parse_norms(run_weights *w, const json_t *norms, int side, run_why *why)
{
    const json_t *list;
    if (get_array(norms, run_sides[side], LAYER_MOST_CHANNELS, &list, why))
        return 1;
    const size_t num = json_array_size(list);
    w->norms[side] = malloc(num * sizeof(double) + 1);
    if (w->norms[side] == NULL)
        return no_memory(why);
    w->num_norms[side] = num;
    for (size_t i = 0; i < num; i++)
        w->norms[side][i] = element_of(list, i);
    return 0;
}

static int parse_weights(run_record *r, const json_t *item, run_why *why)
{
    run_layer *l;
    if (layer_of(r, item, &l, why))
        return 1;
    if (l->weights != NULL)
        return refuse(why, "two entries of \"weights\" are of layer %s", l->name);
    run_weights *w = l->weights = calloc(1, sizeof *w);
    int bad = w == NULL ? no_memory(why)
                        : get_number(item, "end", &w->end, why) ||
                              get_number(item, "snr_db", &w->snr_db, why);
    for (int k = 0; k < RUN_SIDES && !bad; k++)
        bad = parse_bins(w, json_object_get(item, "bins"), k, why) ||
              parse_norms(w, json_object_get(item, "norms"), k, why);
    return bad;
}

int run_take_layers(run_record *r, const json_t *object, run_why *why)
{
    const json_t *list = NULL;
    int bad = 0;
    for (int k = 0; k < RUN_SIDES && !bad; k++)
        bad = parse_sides(r, object, k, why);
    if (!bad)
        bad = get_array(object, "weights", RUN_MOST_LAYERS, &list, why);
    for (size_t i = 0; i < json_array_size(list) && !bad; i++)
        bad = parse_weights(r, json_array_get(list, i), why);
    return bad;
}

int run_parse_layers(run_record *r, const char *text, run_why *why)
{
    json_t *object;
    int bad = parse_object(text, &object, why);
    if (!bad)
        bad = run_take_layers(r, object, why);
    json_decref(object);
    return bad;
}

/* ---- the folder ----------------------------------------------------------------------------- */

int run_parse_recipe(run_record *r, const char *text, run_why *why)
{
    free(r->recipe);
    r->recipe = copy_text(text, 1 << 16, 0);
    return r->recipe == NULL ? no_memory(why) : 0;
}

static const struct {
    const char *name;
    int (*parse)(run_record *r, const char *text, run_why *why);
} folder_files[] = {{"metrics.jsonl", run_parse_metrics},
                    {"summary.json", run_parse_summary},
                    {"layers.json", run_parse_layers},
                    {"recipe.yaml", run_parse_recipe}};

/* A pipe would never end, and no file of a run is as large as what is not read whole. */
static int check_file(const options *o, const char *path, int *is_there)
{
    enum { LARGEST = 1 << 24 };
    struct stat info;
    *is_there = stat(path, &info) == 0;
    if (!*is_there)
        return errno == ENOENT ? 0 : fail_work(o, "%s: cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return fail_work(o, "%s: must be a file", path);
    if (info.st_size >= LARGEST)
        return fail_work(o, "%s: has %lld bytes, must be below %d", path, (long long)info.st_size,
                         LARGEST);
    return 0;
}

int run_read_text(const options *o, const char *path, char **text)
{
    int is_there = 0;
    *text = NULL;
    const int code = check_file(o, path, &is_there);
    return code == 0 && is_there ? file_read_text(o, path, text) : code;
}

static int read_file(const options *o, run_record *r, const char *dir, size_t i)
{
    char *path = path_join(dir, folder_files[i].name), *text = NULL;
    run_why why;
    int code = path != NULL ? run_read_text(o, path, &text) : fail_memory(o);
    if (code == 0 && text != NULL && folder_files[i].parse(r, text, &why))
        code = fail_work(o, "%s: %s", path, why.text);
    free(text);
    free(path);
    return code;
}

/* The folder's own name, without ".run". */
static void take_name(run_record *r, const char *dir)
{
    size_t length = strlen(dir);
    while (length > 1 && dir[length - 1] == '/')
        length--;
    const char *name = dir + length;
    while (name > dir && name[-1] != '/')
        name--;
    length -= (size_t)(name - dir);
    if (length > 4 && strncmp(name + length - 4, ".run", 4) == 0)
        length -= 4;
    snprintf(r->name, sizeof r->name, "%.*s", (int)length, name);
    clean_text(r->name);
}

static int read_folder(const options *o, run_record *r, const char *dir)
{
    int code = 0;
    run_init(r);
    take_name(r, dir);
    for (size_t i = 0; i < NUM(folder_files) && code == 0; i++)
        code = read_file(o, r, dir, i);
    return code;
}

static int read_stage(const options *o, run_record *r, const char *dir, const char *name)
{
    run_record stage;
    char *path = path_join(dir, name);
    if (path == NULL)
        return fail_memory(o);
    int code = read_folder(o, &stage, path);
    if (code == 0 && !run_append_stage(r, &stage, name))
        code = fail_memory(o);
    run_free(&stage);
    free(path);
    return code;
}

int run_read(const options *o, run_record *r, const char *dir)
{
    int code = read_folder(o, r, dir);
    for (size_t i = 0; i < r->num_stages && code == 0; i++)
        code = read_stage(o, r, dir, r->stages[i]);
    if (code == 0 && !r->is_finished && r->num_epochs == 0)
        code = fail_work(o,
                         "%s: is no run's folder, or its first epoch has not ended: there is "
                         "neither a summary.json nor a line in metrics.jsonl",
                         dir);
    return code;
}

void hide_folders(char *text)
{
    char *out = text;
    for (const char *p = text; *p != '\0';) {
        const size_t length = strcspn(p, " \t\n=:,'\"");
        const char *slash = NULL;
        if ((*p == '/' || *p == '~' || strncmp(p, "../", 3) == 0))
            for (const char *q = p; q < p + length; q++)
                slash = *q == '/' ? q : slash;
        if (slash != NULL) {
            const size_t left = (size_t)(p + length - slash - 1);
            memmove(out, slash + 1, left);
            out += left;
        } else {
            memmove(out, p, length);
            out += length;
        }
        p += length;
        if (*p != '\0')
            *out++ = *p++;
    }
    *out = '\0';
}
