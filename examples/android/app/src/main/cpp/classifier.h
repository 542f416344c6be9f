/* classifier.h -- a network that names classes, kept ready to run.  Other half: classifier.c; Java's
 * way to it: bridge.c.  Plain C, so it can be tried without a phone. */
#ifndef CLASSIFIER_H
#define CLASSIFIER_H

#include <kerf/run.h>

typedef struct classifier classifier;

/* From a model in memory, .onnx or .kerf, which may go afterwards; its first run is done here, so
 * that no later one waits for a compiler.  KERF_ERR_NO_DEVICE: the phone has no OpenCL. */
kerf_status classifier_open(classifier **out, const void *model, size_t num_bytes);
void classifier_close(classifier *c); /* NULL is allowed */

/* Numbers that a picture has, in the network's order (N, C, H, W). */
size_t classifier_num_inputs(const classifier *c);
size_t classifier_num_classes(const classifier *c);
/* Scores of one picture.  The plan's own memory is read and written: nothing is copied but what the
 * caller hands over. */
kerf_status classifier_run(classifier *c, const float *picture, float *scores);

#endif
