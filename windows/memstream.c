/* memstream.c -- open_memstream() over a temporary file, which fclose() turns into the text; see
 * posix.h.  The list is of streams that are open, mostly one. */
#undef fclose
#include <pthread.h>
#include <windows.h>

typedef struct memstream {
    FILE *stream;
    char **text; /* borrowed */
    size_t *num_bytes;
    struct memstream *next;
} memstream;

static memstream *open_ones;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* tmpfile() wants to write to the root of the drive. */
static FILE *temporary(void)
{
    char folder[MAX_PATH], path[MAX_PATH];
    if (GetTempPathA(sizeof folder, folder) == 0 || GetTempFileNameA(folder, "krf", 0, path) == 0)
        return NULL;
    return fopen(path, "w+bTD"); /* kept in memory if there is room, removed when closed */
}

FILE *open_memstream(char **text, size_t *num_bytes)
{
    memstream *m = calloc(1, sizeof *m);
    FILE *stream = m != NULL ? temporary() : NULL;
    *text = NULL;
    *num_bytes = 0;
    if (stream == NULL) {
        free(m);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    *m = (memstream){stream, text, num_bytes, open_ones};
    open_ones = m;
    pthread_mutex_unlock(&lock);
    return stream;
}

static memstream *take(const FILE *stream)
{
    memstream *found;
    pthread_mutex_lock(&lock);
    memstream **at = &open_ones;
    while (*at != NULL && (*at)->stream != stream)
        at = &(*at)->next;
    found = *at;
    if (found != NULL)
        *at = found->next;
    pthread_mutex_unlock(&lock);
    return found;
}

/* 1 if all that was written is in the text now. */
static int read_back(const memstream *m)
{
    const long length = fflush(m->stream) == 0 ? ftell(m->stream) : -1;
    char *text = length >= 0 ? malloc((size_t)length + 1) : NULL;
    if (text == NULL)
        return 0;
    rewind(m->stream);
    *m->num_bytes = fread(text, 1, (size_t)length, m->stream);
    text[*m->num_bytes] = '\0';
    *m->text = text;
    return *m->num_bytes == (size_t)length;
}

int kerf_posix_fclose(FILE *stream)
{
    memstream *m = take(stream);
    const int good = m == NULL || read_back(m);
    free(m);
    return fclose(stream) == 0 && good ? 0 : EOF;
}
