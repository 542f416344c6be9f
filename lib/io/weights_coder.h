/* io/weights_coder.h -- one tensor in few bytes, and back: zeros apart from the rest, few values by
 * number, whatever is shortest.  docs/format.md defines it. */
#ifndef KERF_IO_WEIGHTS_CODER_H
#define KERF_IO_WEIGHTS_CODER_H

#include "io/bytes.h"
#include "kerf/packed.h"
#include "kerf/tensor.h"

/* Appends the elements (plain bytes as a tensor of this type and shape has them). */
kerf_status kerf__weights_encode(kerf__bytes *out, kerf_packed_form *form, const void *bytes,
                                 kerf_type type, kerf_shape shape);
/* All bytes of `in` are taken; dst has room for the tensor's. */
kerf_status kerf__weights_decode(void *dst, kerf_type type, kerf_shape shape, kerf__reading in);
/* Refuses a tensor that so few bytes cannot stand for, before room is made for it. */
kerf_status kerf__weights_check(kerf_type type, kerf_shape shape, size_t num_bytes);

#endif
