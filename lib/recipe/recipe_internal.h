/* recipe/recipe_internal.h -- a recipe from text to options.
 *
 *   tree.c, tree_edit.c   YAML as a tree, changed and written
 *   recipe_keys.c         what may stand in it: the table
 *   recipe_read.c         a tree checked, completed and put into structs, by the table
 *   recipe_build.c        structs to options of the library
 *   recipe_steps.c        steps to events
 *   recipe_remove.c       what a stage takes out before it trains
 *   recipe.c              the file, and its life */
#ifndef KERF_RECIPE_INTERNAL_H
#define KERF_RECIPE_INTERNAL_H

#include "recipe/recipe_keys.h"
#include "recipe/tree.h"

typedef struct kerf__recipe {
    kerf_recipe as; /* what others see: the first, as pointers to both are one */
    kerf__tree tree;
    kerf__recipe_top top;
    void **kept; /* owned, with all of them: lists that the structs point to */
    size_t num_kept, kept_capacity;
} kerf__recipe;

/* Zeroed memory that lives as long as the recipe, or NULL. */
void *kerf__recipe_keep(kerf__recipe *r, size_t num, size_t element_bytes);

/* The same with what comes of malloc(); 0 without memory, when it is freed. */
int kerf__recipe_take(kerf__recipe *r, void *fresh);

/* ---- recipe_read.c ---- */
/* Checks r->tree and writes every default into it, then fills r->top. */
kerf_status kerf__recipe_fill(kerf__recipe *r);

/* ---- recipe_build.c ---- */
/* r->top to r->as. */
kerf_status kerf__recipe_build(kerf__recipe *r);
/* The stages of the file, or all of it as one. */
kerf__recipe_phases kerf__recipe_phases_of(const kerf__recipe *r);

/* One of the stages that a phase of the file becomes: what it removes in steps (`remove.events`)
 * has one each.  Those before the last train as the step says, and have no other step than those
 * that say how is trained. */
typedef struct kerf__recipe_round {
    int64_t at, num; /* from 1 */
} kerf__recipe_round;

/* ---- recipe_remove.c ---- */
int64_t kerf__recipe_num_rounds(const kerf__recipe_phase *phase);
kerf_status kerf__recipe_add_removal(kerf__recipe *r, kerf_recipe_stage *stage,
                                     const kerf__recipe_step *step, kerf__recipe_round round);

/* ---- recipe_steps.c ---- */
/* Events of the stage's options, in the order of the file. */
kerf_status kerf__recipe_add_steps(kerf__recipe *r, kerf_recipe_stage *stage,
                                   const kerf__recipe_steps *steps, kerf__recipe_round round);
/* Whether times in steps are within the run, too, which so many samples tell. */
kerf_status kerf__recipe_check_steps(const kerf_recipe_stage *stage,
                                     const kerf__recipe_steps *steps, kerf__recipe_round round,
                                     int64_t num_samples);

#endif
