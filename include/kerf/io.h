/* io.h -- graphs and their state from and to files.
 *
 * ONNX by the published onnx.proto (IR 3 to 14), operator sets 7 to 25; what is read is
 * brought to the meaning of 17.  docs/onnx.md tells what is taken and what is not.
 *
 * Files are hostile: every length and index is checked, external data must lie in the
 * model's folder.  Writing goes to a file beside the target that is renamed when whole, so a
 * target is complete or untouched.
 *
 * Thread safety: reading and writing different objects is safe. */
#ifndef KERF_IO_H
#define KERF_IO_H

#include "kerf/graph.h"
#include "kerf/state.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Reads a model.  Float initializers become state (role weight), but for scalars, bounds and
 * scales, which are constants like integer ones.  Names stay.  The state lies on `dev`, or
 * in host memory for NULL.  "-" is standard input.  On failure both outputs are NULL. */
KERF_API kerf_status kerf_onnx_read(kerf_graph **g, kerf_state **s, const char *path,
                                    kerf_device *dev);
/* The same from memory; `folder` is where external data may lie, NULL allows none. */
KERF_API kerf_status kerf_onnx_parse(kerf_graph **g, kerf_state **s, const void *bytes,
                                     size_t num_bytes, const char *folder, kerf_device *dev);

/* A tensor that is a file of its own, as ONNX's test folders hold them; in host memory. */
KERF_API kerf_status kerf_onnx_read_tensor(kerf_tensor **out, const char *path);

/* What a file asks for, without reading it whole.  unsupported: the first line of the list of
 * operators, types and attributes that Kerf does not run (docs/onnx.md) that the file needs,
 * such as "Loop" or "Resize mode=cubic"; "" if there is none. */
typedef struct kerf_onnx_outline {
    char op[64]; /* of all nodes but constants; "" where there are several operators, or none */
    char unsupported[96];
} kerf_onnx_outline;
KERF_API kerf_status kerf_onnx_read_outline(kerf_onnx_outline *out, const char *path);

/* Writes opset 17, or the lowest above it that has all the graph needs.  kerf.Mask nodes are taken
 * out: the weights are written as they count, pruned ones as 0.  Other nodes of Kerf's own are an
 * error.  A file holds less than 2 GiB.  s may be NULL for a graph without state.  "-" is standard
 * output. */
KERF_API kerf_status kerf_onnx_write(const kerf_graph *g, const kerf_state *s, const char *path);
/* The same to memory, which the caller frees with free(). */
KERF_API kerf_status kerf_onnx_serialize(const kerf_graph *g, const kerf_state *s, void **bytes,
                                         size_t *num_bytes);

/* Graph alone, every node and state id as it is (masks too), for checkpoints. */
KERF_API kerf_status kerf_graph_serialize(const kerf_graph *g, void **bytes, size_t *num_bytes);
KERF_API kerf_status kerf_graph_parse(kerf_graph **g, const void *bytes, size_t num_bytes);

#ifdef __cplusplus
}
#endif
#endif
