/* Fuzzes the reader of recipes.
 *
 * Beyond "does not crash": a recipe that was taken is written out completely, is taken again, and
 * is written out as the same bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "recipe/recipe_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes);

static void must(int condition)
{
    if (!condition)
        abort();
}

static int take(kerf__recipe *r, const char *bytes, size_t num_bytes)
{
    *r = (kerf__recipe){0};
    return kerf__tree_parse(&r->tree, bytes, num_bytes, "input", 1) == KERF_OK &&
           kerf__recipe_fill(r) == KERF_OK && kerf__recipe_build(r) == KERF_OK;
}

static void let_go(kerf__recipe *r)
{
    for (size_t i = 0; i < r->num_kept; i++)
        free(r->kept[i]);
    free(r->kept);
    kerf__tree_free(&r->tree);
}

static char *print(const kerf__recipe *r, size_t *num_bytes)
{
    char *text = NULL;
    FILE *stream = open_memstream(&text, num_bytes);
    must(stream != NULL);
    kerf__tree_print(&r->tree, stream);
    fclose(stream);
    return text;
}

static void check_again(const kerf__recipe *r)
{
    kerf__recipe again;
    size_t num_first, num_second;
    char *first = print(r, &num_first);
    must(take(&again, first, num_first));
    char *second = print(&again, &num_second);
    must(num_first == num_second && memcmp(first, second, num_first) == 0);
    must(again.as.num_stages == r->as.num_stages);
    let_go(&again);
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
    kerf__recipe r;
    if (take(&r, (const char *)bytes, num_bytes))
        check_again(&r);
    let_go(&r);
    return 0;
}
