/* ranks_compare.c -- ranks that are not alike would wait for each other, or train on with what
 * others have not: they are refused at the start.  See ranks.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "option_print.h"
#include "ranks.h"
#include "say.h"
#include "session.h"

static int compare(const options *o, const char *lines)
{
    const kerf_status status = kerf_ranks_compare(ranks_of(o), lines);
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

/* ---- the command line ------------------------------------------------------------------------ */

/* Each machine has its own devices and folders, and who speaks may be told to. */
static int is_own(const option_row *row)
{
    static const char *const NAMES[] = {"data",  "device",  "force",        "json",
                                        "quiet", "verbose", "rank-timeout", "max-launch-ms"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (strcmp(row->name, NAMES[i]) == 0)
            return 1;
    return row->kind == OPTION_TEXT &&
           (strstr(row->value, "FILE") != NULL || strstr(row->value, "DIR") != NULL);
}

/* In the order of the table, however they were given; the caller frees it.  NULL: no memory. */
static char *options_lines(const options *o)
{
    char *text = NULL;
    size_t num_bytes = 0;
    FILE *out = open_memstream(&text, &num_bytes);
    if (out == NULL)
        return NULL;
    fprintf(out, "kerf=%s\ncommand=%s\nfiles=%zu\n", kerf_version(), o->command, o->words.num);
    for (size_t i = 0; i < num_option_rows; i++) {
        const option_row *row = &option_rows[i];
        if ((row->groups & o->groups) == 0 || !options_given(o, row->name) || is_own(row))
            continue;
        fprintf(out, "%s=", row->name);
        option_print(o, row, out);
        fputc('\n', out);
    }
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

int ranks_compare_options(const options *o)
{
    if (ranks_of(o) == NULL)
        return 0;
    char *lines = options_lines(o);
    const int code = lines != NULL ? compare(o, lines) : fail_memory(o);
    free(lines);
    return code;
}

/* ---- what it works on ------------------------------------------------------------------------ */

static int add_weight(const options *o, const kerf_state *s, const kerf_state_entry *e,
                      uint64_t *digest)
{
    const size_t num_bytes = kerf_tensor_size_bytes(e->tensor);
    void *bytes = malloc(num_bytes);
    if (bytes == NULL)
        return fail_memory(o);
    const kerf_status status = kerf_state_read(s, e->id, bytes);
    if (status == KERF_OK)
        *digest = digest_add(digest_add(*digest, e->name, strlen(e->name)), bytes, num_bytes);
    free(bytes);
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

static int add_weights(const options *o, const kerf_state *s, uint64_t *digest)
{
    int code = 0;
    for (int id = 0; code == 0 && id < kerf_state_num_ids(s); id++)
        if (kerf_state_get(s, id) != NULL)
            code = add_weight(o, s, kerf_state_get(s, id), digest);
    return code;
}

int ranks_compare_session(const options *o, const session *s)
{
    uint64_t weights = DIGEST_EMPTY, data = 0;
    char lines[96];
    if (ranks_of(o) == NULL)
        return 0;
    const int code = add_weights(o, s->m.s, &weights);
    if (code != 0)
        return code;
    const kerf_status status = s->data != NULL ? kerf_dataset_spot_digest(s->data, &data) : KERF_OK;
    if (status != KERF_OK)
        return fail_kerf(o, status);
    snprintf(lines, sizeof lines, "weights=%016llx\ndata=%016llx\n", (unsigned long long)weights,
             (unsigned long long)data);
    return compare(o, lines);
}

static uint64_t file_digest(FILE *file)
{
    enum { PIECE = 4096 };
    uint64_t digest = DIGEST_EMPTY;
    char bytes[PIECE];
    size_t num;
    while ((num = fread(bytes, 1, sizeof bytes, file)) > 0)
        digest = digest_add(digest, bytes, num);
    return digest;
}

/* Standard input can be read only once; of what cannot be read, reading will say more. */
int ranks_compare_recipe(const options *o)
{
    const char *path = o->words.items[0];
    const int is_input = strcmp(path, "-") == 0;
    char lines[48] = "";
    if (ranks_of(o) == NULL)
        return 0;
    FILE *file = is_input ? NULL : fopen(path, "rb");
    if (is_input)
        snprintf(lines, sizeof lines, "recipe=-\n");
    if (file != NULL) {
        snprintf(lines, sizeof lines, "recipe=%016llx\n", (unsigned long long)file_digest(file));
        fclose(file);
    }
    return compare(o, lines);
}
