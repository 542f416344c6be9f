/* device/program_cache.c -- built programs kept on disk, so that a second start compiles
 * nothing.
 *
 * A file is named after the digest of all that decides the binary: source, options, device
 * identity, Kerf's version.  It repeats that digest and carries a checksum, and even then
 * the driver may refuse it; each of these means building anew, never an error.
 *
 *     head | uses, a line each | binary
 *
 * Files are written when the device closes and not after the build: Mali compiles when a
 * kernel is made, PoCL when it is first launched, and an earlier binary would lack both. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/file.h"
#include "device/device_internal.h"

enum { MAX_FILE_BYTES = 256 << 20 };

typedef struct head {
    char magic[8]; /* "KERFPRG1" */
    uint64_t key[2], checksum[2];
    uint64_t uses_bytes, binary_bytes;
} head;
static const char MAGIC[8] = {'K', 'E', 'R', 'F', 'P', 'R', 'G', '1'};

static void make_key(const kerf_device *dev, const kerf__program *program, uint64_t key[2])
{
    /* Each text with its closing 0, so that no two lists run into the same bytes. */
    const char *const texts[] = {kerf_version(), dev->info.id, program->options,
                                 program->source->text};
    uint64_t parts[8];
    for (size_t i = 0; i < 4; i++) {
        XXH128_hash_t digest = XXH3_128bits(texts[i], strlen(texts[i]) + 1);
        parts[2 * i] = digest.high64;
        parts[2 * i + 1] = digest.low64;
    }
    XXH128_hash_t digest = XXH3_128bits(parts, sizeof parts);
    key[0] = digest.high64;
    key[1] = digest.low64;
}

static void key_text(const uint64_t key[2], char text[40])
{
    snprintf(text, 40, "%016llx%016llx", (unsigned long long)key[0], (unsigned long long)key[1]);
}

void kerf__program_key(const kerf_device *dev, const kerf__program *program, char text[40])
{
    uint64_t key[2];
    make_key(dev, program, key);
    key_text(key, text);
}

static char *file_path(const uint64_t key[2], int make)
{
    char name[64];
    key_text(key, name);
    strcat(name, ".bin");
    return kerf__cache_path("programs", name, make);
}

/* ---- reading --------------------------------------------------------------------------- */

/* The head of a whole file if every promise in it holds, else NULL. */
static const head *check_file(const void *bytes, size_t num_bytes, const uint64_t key[2])
{
    const head *h = bytes;
    if (num_bytes < sizeof *h || memcmp(h->magic, MAGIC, sizeof MAGIC) != 0 ||
        memcmp(h->key, key, sizeof h->key) != 0)
        return NULL;
    size_t payload = num_bytes - sizeof *h;
    if (h->uses_bytes > payload || h->binary_bytes != payload - h->uses_bytes)
        return NULL;
    XXH128_hash_t digest = XXH3_128bits(h + 1, payload);
    return digest.high64 == h->checksum[0] && digest.low64 == h->checksum[1] ? h : NULL;
}

int kerf__program_file_is_whole(const kerf_device *dev, const kerf__program *program,
                                const void *bytes, size_t num_bytes)
{
    uint64_t key[2];
    make_key(dev, program, key);
    return check_file(bytes, num_bytes, key) != NULL;
}

static int build_binary(const kerf_device *dev, kerf__program *program, const unsigned char *binary,
                        size_t num_bytes)
{
    cl_int status = CL_SUCCESS, err;
    const kerf__opencl *cl = dev->cl;
    cl_program built =
        cl->CreateProgramWithBinary(dev->context, 1, &dev->id, &num_bytes, &binary, &status, &err);
    if (err == CL_SUCCESS && status == CL_SUCCESS)
        err = cl->BuildProgram(built, 1, &dev->id, program->options, NULL, NULL);
    if (err != CL_SUCCESS || status != CL_SUCCESS) {
        if (built != NULL)
            cl->ReleaseProgram(built);
        return 0;
    }
    program->program = built;
    return 1;
}

/* A use that finds no memory is only saved once more later. */
static void read_uses(kerf__program *program, const char *text, size_t num_bytes)
{
    char line[256];
    for (size_t i = 0, length = 0; i < num_bytes; i++) {
        if (text[i] != '\n' && length + 1 < sizeof line) {
            line[length++] = text[i];
            continue;
        }
        line[length] = '\0';
        length = 0;
        kerf__use *use = kerf__program_use(program, line);
        if (use != NULL)
            use->saved = 1;
    }
}

/* From a file's bytes, which nothing is believed of but what check_file() finds. */
static int load_bytes(const kerf_device *dev, kerf__program *program, const void *bytes,
                      size_t num_bytes, const uint64_t key[2])
{
    const head *h = check_file(bytes, num_bytes, key);
    if (h == NULL)
        return 0;
    const char *uses = (const char *)(h + 1);
    const unsigned char *binary = (const unsigned char *)uses + h->uses_bytes;
    if (!build_binary(dev, program, binary, h->binary_bytes))
        return 0;
    read_uses(program, uses, h->uses_bytes);
    return 1;
}

static int load_file(const kerf_device *dev, kerf__program *program, const uint64_t key[2])
{
    void *bytes = NULL;
    size_t num_bytes = 0;
    char *path = file_path(key, 0);
    const int loaded = path != NULL &&
                       kerf__file_read(path, MAX_FILE_BYTES, &bytes, &num_bytes) == KERF_OK &&
                       load_bytes(dev, program, bytes, num_bytes, key);
    if (loaded)
        utimensat(AT_FDCWD, path, NULL, 0); /* the time of its last use */
    free(bytes);
    free(path);
    return loaded;
}

static int load_offer(const kerf_device *dev, kerf__program *program, const uint64_t key[2])
{
    for (const kerf__offer *o = dev->offers; o != NULL; o = o->next)
        if (load_bytes(dev, program, o->bytes, o->num_bytes, key))
            return 1;
    return 0;
}

int kerf__program_cache_load(const kerf_device *dev, kerf__program *program)
{
    uint64_t key[2];
    if (!dev->info.features.binaries)
        return 0;
    kerf__message kept = kerf__message_keep();
    make_key(dev, program, key);
    const int loaded = load_file(dev, program, key) || load_offer(dev, program, key);
    kerf__message_put_back(&kept);
    return loaded;
}

/* ---- writing --------------------------------------------------------------------------- */

static int has_news(const kerf__program *program)
{
    for (const kerf__use *use = program->uses; use != NULL; use = use->next)
        if (use->queued && !use->saved)
            return 1;
    return 0;
}

static int in_binary(const kerf__use *use)
{
    return use->queued || use->saved;
}

/* Head and uses in fresh memory with room for the binary behind them, or NULL. */
static head *start_file(const kerf__program *program, size_t binary_bytes)
{
    size_t uses_bytes = 0;
    for (const kerf__use *use = program->uses; use != NULL; use = use->next)
        uses_bytes += in_binary(use) ? strlen(use->text) + 1 : 0;
    head *h = kerf__alloc(sizeof *h + uses_bytes + binary_bytes, 1);
    if (h == NULL)
        return NULL;
    memcpy(h->magic, MAGIC, sizeof MAGIC);
    h->uses_bytes = uses_bytes;
    h->binary_bytes = binary_bytes;
    char *text = (char *)(h + 1);
    for (const kerf__use *use = program->uses; use != NULL; use = use->next) {
        if (!in_binary(use))
            continue;
        size_t length = strlen(use->text);
        memcpy(text, use->text, length);
        text[length] = '\n';
        text += length + 1;
    }
    return h;
}

static size_t binary_bytes(const kerf_device *dev, const kerf__program *program)
{
    size_t bytes = 0;
    cl_int err = dev->cl->GetProgramInfo(program->program, CL_PROGRAM_BINARY_SIZES, sizeof bytes,
                                         &bytes, NULL);
    return err == CL_SUCCESS ? bytes : 0;
}

static int get_binary(const kerf_device *dev, const kerf__program *program, unsigned char *binary)
{
    return dev->cl->GetProgramInfo(program->program, CL_PROGRAM_BINARIES, sizeof binary, &binary,
                                   NULL) == CL_SUCCESS;
}

static head *make_file(const kerf_device *dev, const kerf__program *program, const uint64_t key[2])
{
    const size_t bytes = binary_bytes(dev, program);
    head *h = bytes > 0 ? start_file(program, bytes) : NULL;
    if (h == NULL)
        return NULL;
    if (!get_binary(dev, program, (unsigned char *)(h + 1) + h->uses_bytes)) {
        free(h);
        return NULL;
    }
    XXH128_hash_t digest = XXH3_128bits(h + 1, h->uses_bytes + h->binary_bytes);
    memcpy(h->key, key, sizeof h->key);
    h->checksum[0] = digest.high64;
    h->checksum[1] = digest.low64;
    return h;
}

int kerf__program_reload(const kerf_device *dev, kerf__program *program)
{
    cl_program before = program->program;
    const size_t bytes = binary_bytes(dev, program);
    unsigned char *binary = bytes > 0 ? kerf__alloc(bytes, 1) : NULL;
    int good = binary != NULL && get_binary(dev, program, binary) &&
               build_binary(dev, program, binary, bytes);
    if (good)
        dev->cl->ReleaseProgram(before);
    free(binary);
    return good;
}

void *kerf__program_file(const kerf_device *dev, const kerf__program *program, size_t *num_bytes)
{
    uint64_t key[2];
    if (!dev->info.features.binaries || dev->cl->preloaded)
        return NULL; /* a simulator builds fast, and its binaries are only its own source */
    make_key(dev, program, key);
    head *h = make_file(dev, program, key);
    if (h != NULL)
        *num_bytes = sizeof *h + h->uses_bytes + h->binary_bytes;
    return h;
}

int kerf__program_cache_save(const kerf_device *dev, kerf__program *program)
{
    int written = 0;
    uint64_t key[2];
    size_t num_bytes;
    if (!has_news(program) || kerf__program_cache_bytes() == 0)
        return 0;
    kerf__message kept = kerf__message_keep();
    make_key(dev, program, key);
    char *path = file_path(key, 1);
    void *file = path != NULL ? kerf__program_file(dev, program, &num_bytes) : NULL;
    if (file != NULL)
        written = kerf__file_write(path, file, num_bytes) == KERF_OK;
    for (kerf__use *use = program->uses; written && use != NULL; use = use->next)
        use->saved = in_binary(use);
    free(file);
    free(path);
    kerf__message_put_back(&kept);
    return written;
}
