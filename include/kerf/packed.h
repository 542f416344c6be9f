/* packed.h -- a model in one small file, `.kerf`: graph and weights, each tensor in the form that
 * takes fewest bytes (docs/format.md defines every one of them).
 *
 * Nothing is lost: what is read is bit for bit what was written, and what kerf_onnx_write() writes
 * of it is what it writes of the model before.  Files are hostile: a checksum is compared first,
 * every length and index is checked all the same.
 *
 * Thread safety: reading and writing different objects is safe. */
#ifndef KERF_PACKED_H
#define KERF_PACKED_H

#include "kerf/graph.h"
#include "kerf/state.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a tensor lies in the file. */
typedef enum kerf_packed_form {
    KERF_PACKED_DENSE,        /* the bytes of its elements, by how often each is there */
    KERF_PACKED_SPARSE,       /* which are not 0, and the bytes of those */
    KERF_PACKED_TABLE,        /* few values, and which of them each is */
    KERF_PACKED_SPARSE_TABLE, /* which are not 0, and which value each of those is */
    KERF_NUM_PACKED_FORMS
} kerf_packed_form;
KERF_API const char *kerf_packed_form_name(kerf_packed_form form);

typedef struct kerf_packed_tensor {
    char name[128];
    kerf_packed_form form;
    double bytes, packed_bytes;
} kerf_packed_tensor;

/* The file's bytes, freed with free().  tensors, if not NULL, tells how each lies in it, the
 * largest part of num_bytes; the caller frees it.  What kerf_onnx_write() refuses is refused. */
KERF_API kerf_status kerf_packed_serialize(const kerf_graph *g, const kerf_state *s, void **bytes,
                                           size_t *num_bytes, kerf_packed_tensor **tensors,
                                           size_t *num_tensors);
KERF_API kerf_status kerf_packed_write(const kerf_graph *g, const kerf_state *s, const char *path);

/* 1 if these bytes begin as a packed file does. */
KERF_API int kerf_packed_is(const void *bytes, size_t num_bytes);
/* As kerf_onnx_parse(); tensors are decoded one after the other, so beside the file and the state
 * only the largest of them is in memory. */
KERF_API kerf_status kerf_packed_parse(kerf_graph **g, kerf_state **s, const void *bytes,
                                       size_t num_bytes, kerf_device *dev);

/* Reads a packed file whole: its checksum, each tensor, the graph; tensors, their number and the
 * file's bytes tell what is in it, as kerf_packed_serialize() does; the caller frees them.  No
 * device is touched.  A part that is no tensor's is an error here.  "-" is standard input. */
KERF_API kerf_status kerf_packed_check(const char *path, kerf_packed_tensor **tensors,
                                       size_t *num_tensors, size_t *num_bytes);

/* A model of either kind, by how the file begins.  A packed file is read part by part, so beside
 * the state what one tensor needs is in memory, and never the file; of a pipe it is. */
KERF_API kerf_status kerf_model_read(kerf_graph **g, kerf_state **s, const char *path,
                                     kerf_device *dev);
/* The same from memory, which may go afterwards; of an ONNX file all must be in it. */
KERF_API kerf_status kerf_model_parse(kerf_graph **g, kerf_state **s, const void *bytes,
                                      size_t num_bytes, kerf_device *dev);
/* To a packed file where the path ends in ".kerf", else to an ONNX file. */
KERF_API int kerf_packed_is_path(const char *path);
KERF_API kerf_status kerf_model_write(const kerf_graph *g, const kerf_state *s, const char *path);

#ifdef __cplusplus
}
#endif
#endif
