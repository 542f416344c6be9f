/* docs/onnx.md names every operator of ONNX that Kerf runs. */
#include <string.h>

#include "base/file.h"
#include "check.h"
#include "ops/op.h"

int main(void)
{
    const char *source = getenv("KERF_TEST_SOURCE");
    char path[1024], quoted[128];
    void *text;
    size_t num_bytes;
    int num = 0;
    snprintf(path, sizeof path, "%s/docs/onnx.md", source != NULL ? source : ".");
    CHECK_OK(kerf__file_read(path, 0, &text, &num_bytes));
    for (int i = 0; text != NULL && kerf__op_at(i) != NULL; i++) {
        const char *op = kerf__op_at(i)->op;
        snprintf(quoted, sizeof quoted, "`%s`", op);
        if (strncmp(op, "kerf.", 5) == 0)
            continue;
        num++;
        if (strstr(text, quoted) == NULL) {
            printf("%s: does not name %s\n", path, op);
            check_failures++;
        }
    }
    CHECK(num > 20);
    free(text);
    return check_result();
}
