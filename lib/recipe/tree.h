/* recipe/tree.h -- a YAML document as a tree whose nodes know where they stand.
 * Other halves: tree.c (from text), tree_edit.c (changed, written).
 *
 * All that YAML says of types is left out: a scalar is its text, and what that means is said by the
 * table of keys (recipe_keys.h).  Aliases are copies, so a tree has one owner. */
#ifndef KERF_RECIPE_TREE_H
#define KERF_RECIPE_TREE_H

#include <stddef.h>
#include <stdio.h>

#include "kerf/base.h"

typedef enum kerf__tree_kind { KERF__TREE_TEXT, KERF__TREE_LIST, KERF__TREE_MAP } kerf__tree_kind;

typedef struct kerf__tree {
    kerf__tree_kind kind;
    char *key;        /* owned; NULL: not in a map */
    char *text;       /* owned; NULL: not a text */
    const char *from; /* borrowed: the file, or the assignment that it was set by */
    int line;         /* from 1; 0: it was set */
    struct kerf__tree *items;
    size_t num, capacity;
} kerf__tree;

/* Of YAML text with one document.  from is borrowed; is_file 0: the value of an assignment. ${NAME}
 * in a scalar becomes what the environment says.  *out may be freed in any case. */
kerf_status kerf__tree_parse(kerf__tree *out, const char *text, size_t num_bytes, const char *from,
                             int is_file);
void kerf__tree_free(kerf__tree *t);

/* A key of a map, '-' and '_' being the same; NULL. */
kerf__tree *kerf__tree_find(const kerf__tree *map, const char *key);
int kerf__tree_same_key(const char *a, const char *b);
/* A text more in a map; NULL without memory. */
kerf__tree *kerf__tree_add_text(kerf__tree *map, const char *key, const char *text);
/* "steps.0.prune.sparsity=0.97": what is there is replaced, what is not is made.  The assignment
 * must live as long as the tree. */
kerf_status kerf__tree_set(kerf__tree *root, const char *assignment);

/* As YAML, from which it can be parsed again. */
void kerf__tree_print(const kerf__tree *t, FILE *out);

/* "FILE:7: ", or "--set a.b=c: ", and what was wrong there. */
kerf_status kerf__tree_fail(const kerf__tree *t, kerf_status status, const char *format, ...);

#endif
