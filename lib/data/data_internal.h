/* data/data_internal.h -- what lies inside a data set, and the readers of its files. */
#ifndef KERF_DATA_INTERNAL_H
#define KERF_DATA_INTERNAL_H

#include "base/random.h"
#include "kerf/data.h"

/* Samples one behind the other, each of kerf_dataset.sample; or the files they lie in, which
 * are decoded when they are needed. */
typedef struct kerf__samples {
    void *images;    /* owned; (num, C, H, W) of kerf_dataset.type */
    char **paths;    /* owned, with its texts; (num), instead of images */
    int32_t *labels; /* owned; (num), NULL: without */
    int64_t num;
} kerf__samples;

struct kerf_dataset {
    char *spec;                     /* owned */
    kerf_type type;                 /* KERF_U8 or KERF_F32 */
    kerf_shape sample;              /* (C, H, W); of files: the first one's */
    size_t sample_bytes;            /* of one in memory */
    int num_classes;                /* 0: without labels */
    const char *const *class_names; /* num_classes, or NULL */
    const char **own_names;         /* owned; NULL: the names are constants */
    char *names_text;               /* owned; what own_names points into */
    const char *default_prep;
    kerf__samples train, test;
    /* Training samples in use, then those held back, each part ascending.  NULL: all in
     * use, in their own order. */
    int64_t *order; /* owned; (train.num) */
    int64_t num_held_back;
    int64_t num_val; /* training samples, the last ones, that the source itself holds back */
};

/* Sample i of a split: which samples it lies in, and where. */
const kerf__samples *kerf__dataset_locate(const kerf_dataset *d, kerf_split split, int64_t i,
                                          int64_t *place);

/* Tells the samples of a split, in their order, from any others. */
kerf_status kerf__dataset_digest(const kerf_dataset *d, kerf_split split, uint64_t *out);

/* Fills in an empty data set; `rest` is what stands behind the source's name. */
kerf_status kerf__source_fashion(kerf_dataset *d, const char *rest);
kerf_status kerf__source_idx(kerf_dataset *d, const char *rest);
kerf_status kerf__source_cifar10(kerf_dataset *d, const char *rest);
kerf_status kerf__source_cifar100(kerf_dataset *d, const char *rest);
kerf_status kerf__source_images(kerf_dataset *d, const char *rest);
kerf_status kerf__source_npy(kerf_dataset *d, const char *rest);
kerf_status kerf__source_npz(kerf_dataset *d, const char *rest);
kerf_status kerf__source_random(kerf_dataset *d, const char *rest);

/* For sources: names of all classes, one a line; `name` is for messages. */
kerf_status kerf__dataset_name_classes(kerf_dataset *d, const char *text, const char *name);
/* Images, then the labels of the same samples.  The images' bytes are taken out of x. */
kerf_status kerf__samples_take_images(kerf_dataset *d, kerf__samples *s, kerf_tensor *x,
                                      const char *name);
kerf_status kerf__samples_take_labels(kerf_dataset *d, kerf__samples *s, const kerf_tensor *y,
                                      const char *name);

/* ---- pictures and their preparation ---------------------------------------------------------- */

/* Bytes in planes, (C, H, W). */
typedef struct kerf__picture {
    const void *planes; /* borrowed, or `own` */
    uint8_t *own;       /* owned; NULL: the planes are others' */
    int64_t channels, height, width;
} kerf__picture;

/* PNG, JPEG or PPM, always with three channels.  `name` is for messages. */
kerf_status kerf__picture_parse(kerf__picture *p, const char *name, const void *bytes,
                                size_t num_bytes);
kerf_status kerf__picture_read(kerf__picture *p, const char *path);
kerf_status kerf__picture_recolor(kerf__picture *p, kerf_colors colors);
kerf_status kerf__picture_resize(kerf__picture *p, int64_t height, int64_t width);
void kerf__picture_free(kerf__picture *p);

/* Where a picture of some size goes: resized, then the window (top, left, height, width). */
typedef struct kerf__frame {
    int64_t resized_height, resized_width, top, left, height, width;
} kerf__frame;
kerf_status kerf__prep_frame(kerf__frame *f, const kerf_prep *prep, int64_t height, int64_t width);
int64_t kerf__prep_channels(const kerf_prep *prep, int64_t channels);

/* Turns samples of one data set into floats; never written after it is made, so threads share
 * it.  `epoch` and the sample decide what augmentation does. */
typedef struct kerf__preparer {
    kerf_prep prep;
    kerf_augment augment;
    kerf__random random;
    kerf_type type;
    kerf_shape shape; /* of what comes out */
    int64_t channels;
    float *table; /* owned; (C, 256): a byte as the network sees it */
} kerf__preparer;
kerf_status kerf__preparer_create(kerf__preparer *p, const kerf_dataset *d, const kerf_prep *prep,
                                  const kerf_augment *augment, uint64_t seed);
void kerf__preparer_free(kerf__preparer *p);
kerf_status kerf__prepare(const kerf__preparer *p, const kerf_dataset *d, const kerf__samples *from,
                          int64_t place, int64_t epoch, float *dst);
/* The name of the file before what its size did not allow; other failures name it themselves. */
kerf_status kerf__fail_of(kerf_status status, const char *name);

/* ---- IDX: the file format of MNIST ------------------------------------------------------- */

typedef struct kerf__idx {
    int64_t dims[3];
    uint8_t *items; /* owned; product of the dimensions */
    size_t num_items;
} kerf__idx;

/* Bytes with `rank` (1 to 3) dimensions; anything else is refused.  Packed by gzip or not,
 * by content.  `name` is for messages.  Items are freed with free(). */
kerf_status kerf__idx_parse(kerf__idx *idx, const char *name, const void *bytes, size_t num_bytes,
                            int rank);
kerf_status kerf__idx_read(kerf__idx *idx, const char *path, int rank);

/* ---- NumPy -------------------------------------------------------------------------------- */

/* A whole .npy file in memory; the tensor lies on the host. */
kerf_status kerf__npy_parse(kerf_tensor **out, const char *name, const void *bytes,
                            size_t num_bytes);

/* Calls `found` for each array of an .npz file with its name (without ".npy") until one
 * call fails; the tensor is lent for the call. */
typedef kerf_status (*kerf__npz_found)(void *context, const char *name, const kerf_tensor *t);
kerf_status kerf__npz_read(const char *path, kerf__npz_found found, void *context);
kerf_status kerf__npz_parse(const char *name, const void *bytes, size_t num_bytes,
                            kerf__npz_found found, void *context);

/* ---- zlib --------------------------------------------------------------------------------- */

/* A source of bytes in memory, packed or not; see unpack.c. */
typedef enum kerf__packing { KERF__PLAIN, KERF__GZIP, KERF__DEFLATE } kerf__packing;
typedef struct kerf__unpack kerf__unpack;
kerf_status kerf__unpack_open(kerf__unpack **out, const char *name, kerf__packing packing,
                              const void *bytes, size_t num_bytes);
/* The next num_bytes; fewer is an error that says the file is cut. */
kerf_status kerf__unpack_take(kerf__unpack *u, void *dst, size_t num_bytes);
/* KERF_OK if num_bytes more could come at all: asked before they are allocated. */
kerf_status kerf__unpack_expect(kerf__unpack *u, uint64_t num_bytes);
/* KERF_OK if nothing is left and checksums agree. */
kerf_status kerf__unpack_end(kerf__unpack *u);
void kerf__unpack_close(kerf__unpack *u); /* NULL is allowed */

#endif
