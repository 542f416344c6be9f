/* clblast_peer.c -- the products of `kerf bench` by CLBlast, as shipped, on the first device of the
 * first platform; see peer.h. */
#define CL_TARGET_OPENCL_VERSION 120
#define _POSIX_C_SOURCE          200809L
#include <clblast_c.h>

#include "peer.h"

static cl_device_id device;
static cl_context context;
static cl_command_queue queue;

static struct {
    peer_case c;
    cl_mem a, b, dst; /* owned */
} now;

static void ok(const char *what, int status)
{
    if (status != 0)
        peer_fail(what, status);
}

static cl_mem make_buffer(size_t num)
{
    cl_int status;
    float *data = peer_fill(num);
    cl_mem buffer = clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                                   num * sizeof *data, data, &status);
    ok("clCreateBuffer", status);
    free(data);
    return buffer;
}

static int open_case(const peer_case *c)
{
    if (strcmp(c->family, "gemm") != 0)
        return 0;
    now.c = *c;
    now.a = make_buffer((size_t)(c->m * c->k));
    now.b = make_buffer((size_t)(c->k * c->n));
    now.dst = make_buffer((size_t)(c->m * c->n));
    return 1;
}

static void run(void)
{
    const size_t m = (size_t)now.c.m, n = (size_t)now.c.n, k = (size_t)now.c.k;
    ok("CLBlastSgemm", (int)CLBlastSgemm(CLBlastLayoutRowMajor,
                                         now.c.trans_a ? CLBlastTransposeYes : CLBlastTransposeNo,
                                         now.c.trans_b ? CLBlastTransposeYes : CLBlastTransposeNo,
                                         m, n, k, 1.0f, now.a, 0, now.c.trans_a ? m : k, now.b, 0,
                                         now.c.trans_b ? k : n, 0.0f, now.dst, 0, n, &queue, NULL));
}

static void finish(void)
{
    ok("clFinish", clFinish(queue));
}

static void close_case(void)
{
    clReleaseMemObject(now.a);
    clReleaseMemObject(now.b);
    clReleaseMemObject(now.dst);
}

int main(void)
{
    cl_platform_id platform;
    cl_int status;
    ok("clGetPlatformIDs", clGetPlatformIDs(1, &platform, NULL));
    ok("clGetDeviceIDs", clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL));
    context = clCreateContext(NULL, 1, &device, NULL, NULL, &status);
    ok("clCreateContext", status);
    queue = clCreateCommandQueue(context, device, 0, &status);
    ok("clCreateCommandQueue", status);
    return peer_main(&(peer_library){open_case, run, finish, close_case});
}
