/* folder_case.h -- one folder of an ONNX test: model.onnx beside folders test_data_set_N with
 * input_N.pb and output_N.pb.  Other half: folder_case.c; verify_folders.c runs many of them,
 * folder_report.c tells what came of it. */
#ifndef HOST_FOLDER_CASE_H
#define HOST_FOLDER_CASE_H

#include "kerf/kerf.h"
#include "say.h"

typedef enum folder_result {
    FOLDER_PASSED,
    FOLDER_FAILED,
    FOLDER_UNSUPPORTED, /* the model needs what docs/onnx.md lists as such */
    FOLDER_NUM_RESULTS
} folder_result;

typedef struct folder_case {
    char *path; /* owned */
    kerf_onnx_outline outline;
    folder_result result;
    char why[400];           /* "" where it passed */
    double max_abs, max_rel; /* of all outputs; NAN: none was compared */
} folder_case;

/* The last part of the path: what the test is called. */
const char *folder_case_name(const folder_case *c);
/* Runs all data sets on the device; what goes wrong is a result, too. */
void folder_case_run(folder_case *c, kerf_device *dev);

/* Tables, or JSON; EXIT_FAILED if one of them failed. */
int folder_report(const options *o, const folder_case *cases, size_t num);
/* kerf verify DIR... */
int verify_folders(const options *o);

#endif
