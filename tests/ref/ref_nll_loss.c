/* ref_nll_loss.c -- the definition of NegativeLogLikelihoodLoss (ONNX). */
#include <math.h>
#include <string.h>

#include "ref/ref.h"

REF(nll_loss)
{
    const kerf_shape src = n->inputs[0]->shape;
    const char *reduction = kerf_node_string(n, "reduction", "mean");
    const int ignores = kerf__node_attribute(n, "ignore_index") != NULL;
    const double ignored = (double)kerf_node_int(n, "ignore_index", 0);
    const double *weights = n->num_inputs > 2 ? inputs[2] : NULL;
    const int64_t k = src.dims[1];
    int64_t inner = 1;
    for (int d = 2; d < src.rank; d++)
        inner *= src.dims[d];
    double losses = 0, sum = 0;
    for (int64_t r = 0; r < src.dims[0] * inner; r++) {
        const double label = inputs[1][r];
        const int skip = ignores && label == ignored, known = label >= 0 && label < (double)k;
        const int64_t class_ = known ? (int64_t)label : 0;
        const double weight = skip ? 0 : known && weights != NULL ? weights[class_] : 1;
        const double x = inputs[0][(r / inner * k + class_) * inner + r % inner];
        const double loss = skip ? 0 : known ? -weight * x : (double)NAN;
        if (strcmp(reduction, "none") == 0)
            outputs[0][r] = loss;
        losses += loss;
        sum += weight;
    }
    if (strcmp(reduction, "none") != 0)
        outputs[0][0] = strcmp(reduction, "mean") == 0 ? losses / sum : losses;
}
