/* data.h -- data sets, their preparation, and batches in a fixed order.
 *
 * Images lie in host memory as bytes, or in files; a loader's threads turn them into batches
 * of floats while the device works.  The order of an epoch is a permutation that depends on
 * seed and epoch only, so a run can be taken up at any (epoch, batch).
 *
 * Thread safety: a data set may be read by several loaders; a loader has one caller. */
#ifndef KERF_DATA_H
#define KERF_DATA_H

#include "kerf/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kerf_dataset kerf_dataset;
typedef struct kerf_loader kerf_loader;

typedef enum kerf_split { KERF_SPLIT_TRAIN, KERF_SPLIT_VAL, KERF_SPLIT_TEST } kerf_split;

/* spec: "fashion-mnist" (in KERF_DATA_DIR, else the system's data set folders),
 * "idx:DIR" (train-images-idx3-ubyte and so on, .gz or not), "cifar10:DIR" and "cifar100:DIR"
 * (the binary versions; fine labels), "npy:X.npy[,Y.npy[,XTEST.npy,YTEST.npy]]" (bytes or
 * float32, samples outermost), "npz:FILE" (arrays x and y, or x_train, y_train, x_test, y_test),
 * "images:DIR" (PNG, JPEG, PPM in DIR/CLASS, or in DIR/train/CLASS and so on with val and test;
 * without class folders: unlabelled; decoded when they are needed),
 * "random:C,H,W,CLASSES" (a noisy pattern a class, can be learned).  A split that the source
 * lacks is empty.  On failure *out is NULL. */
KERF_API kerf_status kerf_dataset_open(kerf_dataset **out, const char *spec);
KERF_API void kerf_dataset_close(kerf_dataset *d); /* NULL is allowed */

/* Moves `num` training samples, chosen by `seed`, to the validation split; what was moved
 * before comes back first.  No loader may be at work. */
KERF_API kerf_status kerf_dataset_hold_back(kerf_dataset *d, int64_t num, uint64_t seed);

KERF_API int64_t kerf_dataset_num_samples(const kerf_dataset *d, kerf_split split);
KERF_API kerf_shape kerf_dataset_sample_shape(const kerf_dataset *d); /* (C, H, W) */
KERF_API int kerf_dataset_num_classes(const kerf_dataset *d);         /* 0: no labels */
/* Fails with the first sample whose label is not below num_classes. */
KERF_API kerf_status kerf_dataset_check_labels(const kerf_dataset *d, int num_classes);
KERF_API const char *kerf_dataset_class_name(const kerf_dataset *d, int c); /* or NULL */
/* Class names from a file, one a line: a class gets the number of its line.  Where the data names
 * its classes (folders of images), each is a whole line or a line's first word; else the lines
 * name the numbers that are there, and must be as many at least.  Blank lines do not count. */
KERF_API kerf_status kerf_dataset_set_classes(kerf_dataset *d, const char *path);
/* Tells all splits from others, wherever they lie, by shapes, numbers, and what 32 samples of each
 * hold, which takes a moment. */
KERF_API kerf_status kerf_dataset_spot_digest(const kerf_dataset *d, uint64_t *out);
/* The preparation that suits this data set (e.g. "scale=1/255,mean=0.286,std=0.353"). */
KERF_API const char *kerf_dataset_default_prep(const kerf_dataset *d);

/* How an image becomes a network's input, in this order: colors, resize, crop of the middle,
 * (x * scale - mean) / std by channel (in the network's order of them), layout.
 * Text form: "resize=256,crop=224,rgb,scale=1/255,mean=0.485:0.456:0.406,
 * std=0.229:0.224:0.225,layout=nchw"; resize=N makes the shorter side N, resize=WxH both.
 * Names stand for such texts: "imagenet" (the one above), "unit" (1/255), "signed" (-1 to 1),
 * "raw"; they may stand in a list.  One number counts for all channels; with fewer numbers than
 * channels a loader refuses (the others are NAN).  Resizing is bilinear with antialiasing: the
 * bytes are Pillow's and torchvision's. */
typedef enum kerf_colors {
    KERF_COLORS_KEEP, /* as the data has them; image files: rgb */
    KERF_COLORS_RGB,
    KERF_COLORS_BGR,
    KERF_COLORS_GRAY /* ITU-R BT.601 */
} kerf_colors;

typedef struct kerf_prep {
    float scale, mean[4], std[4];
    kerf_colors colors;
    int resize_width, resize_height; /* 0: as it is */
    int resize_shorter;              /* 1: the shorter side becomes resize_width */
    int crop_width, crop_height;     /* 0: all of it */
    int channels_last;
} kerf_prep;
KERF_API kerf_status kerf_prep_parse(kerf_prep *prep, const char *text);
/* What a sample (C, H, W) becomes: (C, H, W), or (H, W, C) with channels_last. */
KERF_API kerf_status kerf_prep_shape(kerf_shape *out, const kerf_prep *prep, kerf_shape sample);

/* Changes that leave a training image what it is; zeros: none.  What happens to a sample is a
 * function of seed, epoch and its place in the data set: neither batch, nor order, nor thread.
 * Text form: "flip,crop=4". */
typedef struct kerf_augment {
    int flip; /* 1: left and right change places, for half of them */
    int crop; /* shifted by up to so many pixels each way; 0 bytes come in */
} kerf_augment;
KERF_API kerf_status kerf_augment_parse(kerf_augment *augment, const char *text);

/* shuffle 0 gives the split's own order.  keep_rest 1 gives the last, smaller batch too. */
typedef struct kerf_loader_options {
    kerf_split split;
    int64_t batch;
    int shuffle, keep_rest;
    int64_t first_row, num_rows; /* of each batch, the others are for other ranks (num_rows 0:
                                  * all from first_row on) */
    uint64_t seed;               /* of the order, and of augment */
    kerf_prep prep;
    kerf_augment augment;
} kerf_loader_options;

KERF_API kerf_status kerf_loader_create(kerf_loader **out, const kerf_dataset *d,
                                        const kerf_loader_options *options);
KERF_API void kerf_loader_destroy(kerf_loader *l); /* NULL is allowed */
KERF_API int64_t kerf_loader_num_batches(const kerf_loader *l);
/* Of one sample as it comes out, prepared. */
KERF_API kerf_shape kerf_loader_sample_shape(const kerf_loader *l);

/* Starts an epoch at one of its batches; what was being prepared is dropped, batches that
 * are out stay good until they are released. */
KERF_API kerf_status kerf_loader_begin(kerf_loader *l, int64_t epoch, int64_t first_batch);

/* One batch, or its rows that are wanted; images (n, then as kerf_prep_shape says) float32, labels
 * (n) int32 or NULL for a set without. Borrowed until released. */
typedef struct kerf_batch {
    const float *images;
    const int32_t *labels;
    const int64_t *samples; /* (n) which ones of the split */
    int64_t num_samples;
    int slot;
} kerf_batch;

/* The next batch of the epoch; num_samples 0 after the last.  At most 4 are out at once.  A
 * sample whose file cannot be used is an error here that names it. */
KERF_API kerf_status kerf_loader_next(kerf_loader *l, kerf_batch *batch);
KERF_API void kerf_loader_release(kerf_loader *l, const kerf_batch *batch);

/* An input from a file, by content: a .npy as it is, or an image (PNG, JPEG, PPM), prepared, as
 * one sample (1, C, H, W).  prep NULL: images are refused.  "-" is standard input. */
KERF_API kerf_status kerf_input_read(kerf_tensor **out, const char *path, const kerf_prep *prep);

/* NumPy's .npy, versions 1 to 3, C order, little endian; types of kerf_type only
 * (float64 is read as float32).  "-" is standard input or output. */
KERF_API kerf_status kerf_npy_read(kerf_tensor **out, const char *path);
KERF_API kerf_status kerf_npy_write(const kerf_tensor *t, const char *path);

#ifdef __cplusplus
}
#endif
#endif
