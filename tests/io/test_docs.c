/* docs/onnx.md names every operator of ONNX that Kerf runs and shows the list of what it does not
 * (list_unsupported.sh); no operator that runs is on that list. */
#include <string.h>

#include "base/file.h"
#include "check.h"
#include "ops/op.h"

extern const unsigned char kerf__unsupported[];

/* Lines of the list without a word behind the operator. */
static void check_list(const char *source)
{
    char command[1024], line[128];
    const char *at = (const char *)kerf__unsupported;
    int num = 0;
    for (; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n') {
        const size_t length = strcspn(at, "\n");
        CHECK(length < sizeof line);
        memcpy(line, at, length < sizeof line ? length : 0);
        line[length < sizeof line ? length : 0] = '\0';
        if (strchr(line, ' ') != NULL || kerf__op_find(line) == NULL)
            continue;
        printf("unsupported.txt: %s is said not to run, but it does\n", line);
        check_failures++;
    }
    for (at = (const char *)kerf__unsupported; *at != '\0'; at++)
        num += *at == '\n';
    CHECK(num > 20);
    snprintf(command, sizeof command, "%s/tests/io/list_unsupported.sh check",
             source != NULL ? source : ".");
    CHECK(system(command) == 0);
}

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
    check_list(source);
    return check_result();
}
