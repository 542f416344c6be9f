/* graph/layer_pattern.c -- which layers a person means by a pattern, wherever layers are chosen. */
#include <fnmatch.h>
#include <string.h>

#include "graph/graph_internal.h"

/* "fc1" of "fc1.weight": what people call the layer. */
static int fits_stem(const char *pattern, const char *name)
{
    char stem[512];
    const char *dot = strrchr(name, '.');
    size_t length = dot != NULL ? (size_t)(dot - name) : 0;
    if (length == 0 || length >= sizeof stem)
        return 0;
    memcpy(stem, name, length);
    stem[length] = '\0';
    return fnmatch(pattern, stem, 0) == 0;
}

int kerf__layer_fits(const char *pattern, const kerf_value *weight, const kerf_node *user,
                     const kerf_node *first, const kerf_node *last)
{
    if (strcmp(pattern, "first") == 0)
        return user == first;
    if (strcmp(pattern, "last") == 0)
        return user == last;
    if (strncmp(pattern, "op:", 3) == 0)
        return strcmp(pattern + 3, user->op) == 0;
    return fnmatch(pattern, weight->name, 0) == 0 || fits_stem(pattern, weight->name) ||
           fnmatch(pattern, user->name, 0) == 0;
}

void kerf__quote_pattern(char *pattern, const char *name)
{
    for (; *name != '\0'; name++) {
        if (strchr("*?[\\", *name) != NULL)
            *pattern++ = '\\';
        *pattern++ = *name;
    }
    *pattern = '\0';
}
