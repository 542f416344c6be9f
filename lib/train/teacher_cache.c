/* train/teacher_cache.c -- the file of what teachers say; see teacher_cache.h for its layout. */
#include "train/teacher_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/fail.h"

static const char MAGIC[8] = {'K', 'E', 'R', 'F', 'T', 'E', 'A', 'C'};
enum { VERSION = 1, CHECKSUM_BYTES = 8, PIECE_BYTES = 1 << 18 };
static const int64_t MOST_FLOATS = (int64_t)1 << 40; /* of a column: what others cannot add up */
enum { HEAD_BYTES = 8 + 4 + 8 + 8 + 4, MOST_HEAD_BYTES = HEAD_BYTES + KERF_MOST_TAPS * (4 + 64) };

/* ---- reading -------------------------------------------------------------------------------- */

/* All of it, or an error that says that it ends before. */
static kerf_status read_at(const kerf__teacher_cache *c, void *dst, size_t num_bytes, size_t at)
{
    char *to = dst;
    while (num_bytes > 0) {
        const ssize_t got = pread(c->file, to, num_bytes, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return kerf__fail(KERF_ERR_FILE, "%s: cannot be read: %s", c->path,
                              got < 0 ? kerf__errno_text(errno) : "it has become shorter");
        to += got;
        at += (size_t)got;
        num_bytes -= (size_t)got;
    }
    return KERF_OK;
}

/* What is wrong with the head; NULL: nothing. */
static const char *read_head(kerf__teacher_cache *c, kerf__record_reader *r, uint64_t key,
                             int64_t num_samples, size_t num_columns)
{
    const size_t before = r->left;
    const void *magic = kerf__record_get(r, sizeof MAGIC);
    if (magic == NULL || memcmp(magic, MAGIC, sizeof MAGIC) != 0)
        return "is no such file";
    if (kerf__record_get_u32(r) != VERSION)
        return "is of another version";
    if ((uint64_t)kerf__record_get_i64(r) != key)
        return "is of another teacher, other layers, other data, preparation or batch, or another "
               "device";
    c->num_samples = kerf__record_get_i64(r);
    c->num_columns = kerf__record_get_u32(r);
    if (r->bad || c->num_samples != num_samples || c->num_columns != num_columns)
        return "is not whole";
    for (size_t i = 0; i < num_columns; i++) {
        const uint32_t rank = kerf__record_get_u32(r);
        c->shapes[i].rank = rank < KERF_MAX_RANK ? (int)rank : 0; /* a batch is one more */
        for (int k = 0; k < c->shapes[i].rank; k++)
            c->shapes[i].dims[k] = kerf__record_get_i64(r);
        const int64_t num = kerf_shape_num_elements(c->shapes[i]);
        if (r->bad || rank >= KERF_MAX_RANK || num < 0 || num > MOST_FLOATS)
            return "is not whole";
        c->begins[i + 1] = c->begins[i] + (size_t)num * sizeof(float);
    }
    c->rows_at = before - r->left;
    return NULL;
}

/* Reads it from end to end, in pieces. */
static kerf_status has_checksum(const kerf__teacher_cache *c, size_t num_bytes, int *is_right)
{
    XXH64_state_t *hash = XXH64_createState();
    unsigned char *piece = kerf__alloc(PIECE_BYTES, 1);
    kerf_status status =
        hash != NULL && piece != NULL ? KERF_OK : kerf__fail_memory(c->path, PIECE_BYTES);
    if (status == KERF_OK)
        XXH64_reset(hash, 0);
    for (size_t at = 0; status == KERF_OK && at < num_bytes;) {
        const size_t num = num_bytes - at < PIECE_BYTES ? num_bytes - at : PIECE_BYTES;
        status = read_at(c, piece, num, at);
        if (status == KERF_OK)
            XXH64_update(hash, piece, num);
        at += num;
    }
    if (status == KERF_OK)
        status = read_at(c, piece, CHECKSUM_BYTES, num_bytes);
    if (status == KERF_OK) {
        kerf__record_reader r = {.at = piece, .left = CHECKSUM_BYTES};
        *is_right = (uint64_t)kerf__record_get_i64(&r) == XXH64_digest(hash);
    }
    free(piece);
    XXH64_freeState(hash);
    return status;
}

static kerf_status check(kerf__teacher_cache *c, uint64_t key, int64_t num_samples,
                         size_t num_columns, const char **wrong)
{
    unsigned char head[MOST_HEAD_BYTES];
    struct stat info;
    int is_right = 0;
    *wrong = "is not whole";
    if (fstat(c->file, &info) != 0 || info.st_size < HEAD_BYTES + CHECKSUM_BYTES)
        return KERF_OK;
    const size_t num_bytes = (size_t)info.st_size - CHECKSUM_BYTES;
    kerf__record_reader r = {.at = head, .left = num_bytes < sizeof head ? num_bytes : sizeof head};
    KERF__TRY(read_at(c, head, r.left, 0));
    *wrong = read_head(c, &r, key, num_samples, num_columns);
    if (*wrong != NULL)
        return KERF_OK;
    *wrong = "is not whole";
    if (c->begins[num_columns] > 0 &&
        (num_bytes - c->rows_at) / c->begins[num_columns] != (size_t)num_samples)
        return KERF_OK;
    KERF__TRY(has_checksum(c, num_bytes, &is_right));
    *wrong = is_right ? NULL : "is damaged: the checksum is wrong";
    return KERF_OK;
}

kerf_status kerf__teacher_cache_open(kerf__teacher_cache **out, const char *path, uint64_t key,
                                     int64_t num_samples, size_t num_columns, char *why,
                                     size_t why_bytes)
{
    const char *wrong = NULL;
    *out = NULL;
    why[0] = '\0';
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return KERF_OK;
    kerf__teacher_cache *c = kerf__alloc(1, sizeof *c);
    if (c == NULL) {
        close(file);
        return kerf__fail_memory(path, sizeof *c);
    }
    c->file = file;
    c->path = kerf__strdup(path);
    kerf_status status = c->path != NULL ? check(c, key, num_samples, num_columns, &wrong)
                                         : kerf__fail_memory(path, strlen(path));
    if (status == KERF_OK && wrong == NULL) {
        *out = c;
        return KERF_OK;
    }
    if (wrong != NULL)
        snprintf(why, why_bytes, "%s", wrong);
    kerf__teacher_cache_close(c);
    return status;
}

void kerf__teacher_cache_close(kerf__teacher_cache *c)
{
    if (c == NULL)
        return;
    close(c->file);
    free(c->path);
    free(c);
}

kerf_status kerf__teacher_cache_read(const kerf__teacher_cache *c, size_t column,
                                     const int64_t *samples, int64_t num, void *dst)
{
    const size_t row = c->begins[c->num_columns], bytes = c->begins[column + 1] - c->begins[column];
    for (int64_t i = 0; i < num; i++)
        KERF__TRY(read_at(c, (char *)dst + (size_t)i * bytes, bytes,
                          c->rows_at + (size_t)samples[i] * row + c->begins[column]));
    return KERF_OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

kerf_status kerf__teacher_cache_begin(kerf__teacher_cache_writer *w, const char *path, uint64_t key,
                                      int64_t num_samples, const kerf_shape *shapes,
                                      size_t num_columns)
{
    KERF__TRY(kerf__new_file_begin(&w->file, path));
    kerf_status status = kerf__record_begin(&w->record, w->file.stream);
    if (status != KERF_OK) {
        kerf__new_file_cancel(&w->file);
        return status;
    }
    kerf__record_put(&w->record, MAGIC, sizeof MAGIC);
    kerf__record_put_u32(&w->record, VERSION);
    kerf__record_put_i64(&w->record, (int64_t)key);
    kerf__record_put_i64(&w->record, num_samples);
    kerf__record_put_u32(&w->record, (uint32_t)num_columns);
    for (size_t i = 0; i < num_columns; i++) {
        kerf__record_put_u32(&w->record, (uint32_t)shapes[i].rank);
        for (int k = 0; k < shapes[i].rank; k++)
            kerf__record_put_i64(&w->record, shapes[i].dims[k]);
    }
    return KERF_OK;
}

void kerf__teacher_cache_add(kerf__teacher_cache_writer *w, const void *bytes, size_t num_bytes)
{
    kerf__record_put(&w->record, bytes, num_bytes);
}

kerf_status kerf__teacher_cache_end(kerf__teacher_cache_writer *w)
{
    if (kerf__record_end(&w->record))
        return kerf__new_file_commit(&w->file);
    kerf_status status =
        kerf__fail(KERF_ERR_FILE, "%s: cannot be written: is the disk full?", w->file.path);
    kerf__new_file_cancel(&w->file);
    return status;
}

void kerf__teacher_cache_cancel(kerf__teacher_cache_writer *w)
{
    (void)kerf__record_end(&w->record);
    kerf__new_file_cancel(&w->file);
}
