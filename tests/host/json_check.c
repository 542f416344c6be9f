/* json_check.c -- what a script would do with --json: reads standard input, which must be
 * one JSON object with "schema":1 and "kerf", and nothing else.  Each argument is a path
 * that must be there ("after.top1", "layers.0.name"); PATH=VALUE compares, numbers within
 * 1e-6 of their size. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *follow(const json_t *at, char *path)
{
    for (char *key = strtok(path, "."); at != NULL && key != NULL; key = strtok(NULL, "."))
        at = json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10))
                               : json_object_get(at, key);
    return at;
}

static int equals(const json_t *value, const char *want)
{
    if (json_is_string(value))
        return strcmp(json_string_value(value), want) == 0;
    if (json_is_number(value)) {
        double x = strtod(want, NULL);
        return fabs(json_number_value(value) - x) <= 1e-6 * fmax(1, fabs(x));
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    int same = text != NULL && strcmp(text, want) == 0;
    free(text);
    return same;
}

static int check(const json_t *root, const char *claim)
{
    char path[256];
    snprintf(path, sizeof path, "%s", claim);
    char *equal = strchr(path, '=');
    if (equal != NULL)
        *equal = '\0';
    const json_t *value = follow(root, path);
    if (value == NULL) {
        printf("json_check: %s is missing\n", claim);
        return 1;
    }
    if (equal != NULL && !equals(value, strchr(claim, '=') + 1)) {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        printf("json_check: %s, but it is %s\n", claim, text);
        free(text);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    json_error_t error;
    json_t *root = json_loadf(stdin, 0, &error); /* refuses what follows the object */
    if (!json_is_object(root)) {
        printf("json_check: no JSON object: %s\n", error.text);
        return 1;
    }
    int failures = check(root, "schema=1") + check(root, "kerf");
    for (int i = 1; i < argc; i++)
        failures += check(root, argv[i]);
    json_decref(root);
    return failures > 0;
}
