/* build_programs.c -- builds OpenCL programs on the first device there is, and says what the
 * driver answers about each of their kernels:
 *
 *     build_programs LIST FIRST
 *
 * A line of LIST is a program: a file, a tab, the compiler's options.  From line FIRST on
 * (counted from 1) each is built in turn, with these lines on stderr among the compiler's own
 * (mesa.patch makes it name each kernel and print its statistics):
 *
 *     PROGRAM: LINE
 *     GROUP: KERNEL LARGEST_WORK_GROUP BYTES_OF_PRIVATE_MEMORY
 *
 * One process for all, because a driver takes a second to start; whoever calls goes on behind
 * a program that brought the driver down, or kept it busy for MOST_SECONDS.  Without Kerf's
 * library: it is compiled inside the folder that mesa.sh makes. */
#define _DEFAULT_SOURCE          1
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { MOST_TEXT = 1 << 20, MOST_LINE = 4096, MOST_KERNELS = 64, MOST_SECONDS = 20 };

static void check(cl_int err, const char *what)
{
    if (err == CL_SUCCESS)
        return;
    fprintf(stderr, "build_programs: %s gave %d\n", what, err);
    exit(1);
}

static const char *read_text(const char *path)
{
    static char text[MOST_TEXT];
    FILE *file = fopen(path, "r");
    const size_t bytes = file != NULL ? fread(text, 1, MOST_TEXT - 1, file) : 0;
    if (bytes == 0) {
        fprintf(stderr, "build_programs: cannot read %s\n", path);
        exit(1);
    }
    text[bytes] = '\0';
    fclose(file);
    return text;
}

static cl_program build(cl_context context, cl_device_id device, const char *text,
                        const char *options)
{
    cl_int err;
    static char log[1 << 16];
    cl_program program = clCreateProgramWithSource(context, 1, &text, NULL, &err);
    check(err, "clCreateProgramWithSource");
    err = clBuildProgram(program, 1, &device, options, NULL, NULL);
    if (err != CL_SUCCESS) {
        clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, sizeof log - 1, log, NULL);
        fprintf(stderr, "%s\n", log);
    }
    check(err, "clBuildProgram");
    return program;
}

static void print_kernel(cl_device_id device, cl_kernel kernel)
{
    char name[256];
    size_t group;
    cl_ulong scratch;
    check(clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, sizeof name, name, NULL), "its name");
    check(clGetKernelWorkGroupInfo(kernel, device, CL_KERNEL_WORK_GROUP_SIZE, sizeof group, &group,
                                   NULL),
          "CL_KERNEL_WORK_GROUP_SIZE");
    check(clGetKernelWorkGroupInfo(kernel, device, CL_KERNEL_PRIVATE_MEM_SIZE, sizeof scratch,
                                   &scratch, NULL),
          "CL_KERNEL_PRIVATE_MEM_SIZE");
    fprintf(stderr, "GROUP: %s %zu %llu\n", name, group, (unsigned long long)scratch);
}

static void build_and_print(cl_context context, cl_device_id device, const char *path,
                            const char *options)
{
    cl_kernel kernels[MOST_KERNELS];
    cl_uint num;
    cl_program program = build(context, device, read_text(path), options);
    check(clCreateKernelsInProgram(program, MOST_KERNELS, kernels, &num), "making kernels");
    for (cl_uint i = 0; i < num; i++) {
        print_kernel(device, kernels[i]);
        clReleaseKernel(kernels[i]);
    }
    clReleaseProgram(program);
}

static cl_device_id first_device(void)
{
    cl_platform_id platform;
    cl_device_id device;
    check(clGetPlatformIDs(1, &platform, NULL), "clGetPlatformIDs");
    check(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL), "clGetDeviceIDs");
    return device;
}

int main(int argc, char **argv)
{
    static char line[MOST_LINE];
    const struct itimerval most = {.it_value = {MOST_SECONDS, 0}};
    FILE *list = argc == 3 ? fopen(argv[1], "r") : NULL;
    if (list == NULL) {
        fprintf(stderr, "usage: build_programs LIST FIRST\n");
        return 2;
    }
    cl_int err;
    cl_device_id device = first_device();
    cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, &err);
    check(err, "clCreateContext");
    for (int at = 1; fgets(line, sizeof line, list) != NULL; at++) {
        char *options = strchr(line, '\t');
        line[strcspn(line, "\n")] = '\0';
        if (at < atoi(argv[2]))
            continue;
        fprintf(stderr, "PROGRAM: %d\n", at);
        /* Of the processor's time: other work on the machine does not count. */
        setitimer(ITIMER_PROF, &most, NULL);
        if (options != NULL)
            *options++ = '\0';
        build_and_print(context, device, line, options);
    }
    return 0;
}
