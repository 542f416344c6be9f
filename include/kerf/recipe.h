/* recipe.h -- a whole experiment in a short file: YAML in, options of kerf_train() out.
 *
 * docs/recipes.md tells what stands in a recipe.  Thread safety: a recipe is not changed once it
 * is read. */
#ifndef KERF_RECIPE_H
#define KERF_RECIPE_H

#include "kerf/nets.h"
#include "kerf/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What goes for real when a stage begins, before anything is trained: channels (kerf/channels.h) or
 * residual blocks (kerf/depth.h). */
typedef struct kerf_recipe_removal {
    int blocks;                    /* 1: whole residual blocks */
    kerf_channel_options channels; /* of blocks amount, layers and skip alone; without amount and
                                    * macs channels that add nothing */
    const char *macs;    /* in the place of an amount, how much of the multiply-adds stays: "50%" */
    int64_t samples;     /* that a criterion looks at which goes by samples */
    double before, part; /* of all that goes in several stages, what is gone before this one, and
                          * behind it; 0 and 1 where it goes at once */
} kerf_recipe_removal;

/* A phase of the work, which begins with what the one before left. */
typedef struct kerf_recipe_stage {
    const char *name;            /* "" where there is one alone that has none; a removal in steps
                                  * has a stage each, of that name (round) and -1, -2, ... */
    kerf_train_options train;    /* callback, context, run_dir and resume are the caller's */
    const char *const *teachers; /* files, which the caller opens into distill->more */
    size_t num_teachers;
    const char *teacher_device;         /* on which; NULL: the student's */
    kerf_distillation *distill;         /* an event of train's; NULL: none */
    const kerf_recipe_removal *removal; /* the caller's to do, before train; NULL: none */
} kerf_recipe_stage;

/* All texts live as long as the recipe; NULL: it says nothing of that. */
typedef struct kerf_recipe {
    const char *model; /* a network's name (kerf_net_list), or a file */
    double width;      /* of a network */
    const char *data, *classes, *prep;
    int64_t val;
    uint64_t seed;
    int keep_zeros;
    const char *dir;
    int packs, reports; /* output.formats: 1: a packed file, and a page, too */
    const kerf_recipe_stage *stages;
    size_t num_stages; /* at least 1 */
} kerf_recipe;

/* Reads a recipe ("-": standard input), then sets keys ("steps.0.prune.sparsity=0.97").  What is
 * wrong in it is named with its line, and what would be right. */
KERF_API kerf_status kerf_recipe_read(kerf_recipe **out, const char *path, const char *const *sets,
                                      size_t num_sets);
/* The same of a text in memory; `name` stands for its path in messages and names its folder. */
KERF_API kerf_status kerf_recipe_parse(kerf_recipe **out, const char *text, size_t num_bytes,
                                       const char *name, const char *const *sets, size_t num_sets);
KERF_API void kerf_recipe_destroy(kerf_recipe *r); /* NULL is allowed */
/* The recipe with every default written out: read again, it says the same. */
KERF_API kerf_status kerf_recipe_write(const kerf_recipe *r, const char *path);

/* The network that it begins with, for the data: of its classes and the shape of its samples.
 * Times in steps that these samples do not make are refused by their line. */
KERF_API kerf_status kerf_recipe_make_model(kerf_graph **g, kerf_state **s, const kerf_recipe *r,
                                            const kerf_dataset *d, kerf_device *dev);

#ifdef __cplusplus
}
#endif
#endif
