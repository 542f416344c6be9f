/* stub_icd.c -- an OpenCL driver that works until it is told to fail: test_probe.c, test_stub.c.
 *
 * It hands every call on to a real driver (KERF_STUB_DRIVER, a library), whose objects it
 * wraps in its own: so it passes every trial, trains networks, and can stand beside that very
 * driver in one process.  KERF_STUB breaks one of its entry points:
 *
 *     KERF_STUB="ENTRY HOW [FROM [TEXT]]"      "BuildProgram abort", "Finish -5 100"
 *
 * HOW is an OpenCL error, abort, segv or hang; FROM is the first call that is hit (1), and all
 * later ones are too; with TEXT only programs whose source holds it, and their kernels, count.
 * A call that is hit adds a byte to the file KERF_STUB_LOG, so a test sees that it was.
 * Entry points that Kerf does not use give CL_INVALID_OPERATION. */
#define CL_TARGET_OPENCL_VERSION 120
#define _GNU_SOURCE              /* dlfcn.h, signal.h in full */
#include <CL/cl.h>
#include <CL/cl_icd.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the ICD loader wants of every handle: the table of functions first. */
typedef struct object {
    const cl_icd_dispatch *dispatch;
    void *real;
    int counts; /* the TEXT of KERF_STUB, if any, is in its source */
} object;

#define REAL(handle)       ((void *)((object *)(handle))->real)
#define CALL(handle, name) ((*(cl_icd_dispatch **)REAL(handle))->cl##name)

static cl_icd_dispatch functions;

static void *wrap(void *real, int counts)
{
    object *o = malloc(sizeof *o);
    if (real == NULL || o == NULL) {
        free(o);
        return NULL;
    }
    *o = (object){&functions, real, counts};
    return o;
}

/* ---- failing --------------------------------------------------------------------------- */

typedef struct fault {
    char entry[40], how[16], text[40];
    long from, num_calls;
} fault;

static fault *the_fault(void)
{
    static fault f;
    const char *told = getenv("KERF_STUB");
    if (f.from == 0) {
        f.from = 1;
        if (told != NULL)
            (void)sscanf(told, "%39s %15s %ld %39s", f.entry, f.how, &f.from, f.text);
    }
    return &f;
}

static void log_hit(void)
{
    const char *path = getenv("KERF_STUB_LOG");
    int file = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (file >= 0 && write(file, "x", 1) == 1)
        close(file);
}

/* The error to give, CL_SUCCESS for none; or the end of the process. */
static cl_int strike(const char *entry, int counts)
{
    fault *f = the_fault();
    if (strcmp(entry, f->entry) != 0 || (f->text[0] != '\0' && !counts) || ++f->num_calls < f->from)
        return CL_SUCCESS;
    log_hit();
    if (strcmp(f->how, "abort") == 0)
        abort();
    while (strcmp(f->how, "segv") == 0) /* some driver's handler may come back from one */
        raise(SIGSEGV);
    while (strcmp(f->how, "hang") == 0)
        pause();
    return (cl_int)atol(f->how);
}

#define STRIKE(entry, handle)                                                                      \
    do {                                                                                           \
        cl_int error_ = strike(entry, ((object *)(handle))->counts);                               \
        if (error_ != CL_SUCCESS)                                                                  \
            return error_;                                                                         \
    } while (0)
#define STRIKE_CREATE(entry, handle, error)                                                        \
    do {                                                                                           \
        *(error) = strike(entry, ((object *)(handle))->counts);                                    \
        if (*(error) != CL_SUCCESS)                                                                \
            return NULL;                                                                           \
    } while (0)

/* ---- platforms and devices ------------------------------------------------------------- */

static cl_int CL_API_CALL get_platform_info(cl_platform_id p, cl_platform_info what, size_t bytes,
                                            void *value, size_t *got)
{
    STRIKE("GetPlatformInfo", p);
    return CALL(p, GetPlatformInfo)(REAL(p), what, bytes, value, got);
}

static cl_int CL_API_CALL get_device_ids(cl_platform_id p, cl_device_type type, cl_uint capacity,
                                         cl_device_id *ids, cl_uint *num)
{
    static cl_device_id wrapped;
    cl_device_id real;
    STRIKE("GetDeviceIDs", p);
    cl_int err = CALL(p, GetDeviceIDs)(REAL(p), type, 1, &real, NULL);
    if (err != CL_SUCCESS)
        return err;
    if (wrapped == NULL)
        wrapped = wrap(real, 0);
    if (ids != NULL && capacity > 0)
        ids[0] = wrapped;
    if (num != NULL)
        *num = 1;
    return CL_SUCCESS;
}

/* Its own name tells it from the device behind it. */
static cl_int CL_API_CALL get_device_info(cl_device_id d, cl_device_info what, size_t bytes,
                                          void *value, size_t *got)
{
    static const char NAME[] = "stub device";
    STRIKE("GetDeviceInfo", d);
    if (what != CL_DEVICE_NAME)
        return CALL(d, GetDeviceInfo)(REAL(d), what, bytes, value, got);
    if (value != NULL && bytes >= sizeof NAME)
        memcpy(value, NAME, sizeof NAME);
    if (got != NULL)
        *got = sizeof NAME;
    return CL_SUCCESS;
}

/* ---- contexts, queues, memory ---------------------------------------------------------- */

static cl_context CL_API_CALL create_context(
    const cl_context_properties *properties, cl_uint num, const cl_device_id *devices,
    void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *user, cl_int *err)
{
    cl_device_id real = REAL(devices[0]);
    STRIKE_CREATE("CreateContext", devices[0], err);
    return wrap(CALL(devices[0], CreateContext)(properties, num, &real, notify, user, err), 0);
}

static cl_command_queue CL_API_CALL create_queue(cl_context c, cl_device_id d,
                                                 cl_command_queue_properties properties,
                                                 cl_int *err)
{
    STRIKE_CREATE("CreateCommandQueue", c, err);
    return wrap(CALL(c, CreateCommandQueue)(REAL(c), REAL(d), properties, err), 0);
}

static cl_mem CL_API_CALL create_buffer(cl_context c, cl_mem_flags flags, size_t bytes, void *host,
                                        cl_int *err)
{
    STRIKE_CREATE("CreateBuffer", c, err);
    return wrap(CALL(c, CreateBuffer)(REAL(c), flags, bytes, host, err), 0);
}

static cl_mem CL_API_CALL create_sub_buffer(cl_mem m, cl_mem_flags flags,
                                            cl_buffer_create_type type, const void *info,
                                            cl_int *err)
{
    STRIKE_CREATE("CreateSubBuffer", m, err);
    return wrap(CALL(m, CreateSubBuffer)(REAL(m), flags, type, info, err), 0);
}

#define RELEASE(name, type)                                                                        \
    static cl_int CL_API_CALL release_##type(type handle)                                          \
    {                                                                                              \
        STRIKE(#name, handle);                                                                     \
        cl_int err = CALL(handle, name)(REAL(handle));                                             \
        free(handle);                                                                              \
        return err;                                                                                \
    }
RELEASE(ReleaseContext, cl_context)
RELEASE(ReleaseCommandQueue, cl_command_queue)
RELEASE(ReleaseMemObject, cl_mem)
RELEASE(ReleaseProgram, cl_program)
RELEASE(ReleaseKernel, cl_kernel)
RELEASE(ReleaseEvent, cl_event)

/* ---- queueing: Kerf waits for no event list and asks for no event but a marker's ---------- */

static cl_int CL_API_CALL read_buffer(cl_command_queue q, cl_mem m, cl_bool wait, size_t offset,
                                      size_t bytes, void *to, cl_uint num, const cl_event *events,
                                      cl_event *event)
{
    STRIKE("EnqueueReadBuffer", q);
    return CALL(q, EnqueueReadBuffer)(REAL(q), REAL(m), wait, offset, bytes, to, num, events,
                                      event);
}

static cl_int CL_API_CALL write_buffer(cl_command_queue q, cl_mem m, cl_bool wait, size_t offset,
                                       size_t bytes, const void *from, cl_uint num,
                                       const cl_event *events, cl_event *event)
{
    STRIKE("EnqueueWriteBuffer", q);
    return CALL(q, EnqueueWriteBuffer)(REAL(q), REAL(m), wait, offset, bytes, from, num, events,
                                       event);
}

static cl_int CL_API_CALL copy_buffer(cl_command_queue q, cl_mem from, cl_mem to,
                                      size_t from_offset, size_t to_offset, size_t bytes,
                                      cl_uint num, const cl_event *events, cl_event *event)
{
    STRIKE("EnqueueCopyBuffer", q);
    return CALL(q, EnqueueCopyBuffer)(REAL(q), REAL(from), REAL(to), from_offset, to_offset, bytes,
                                      num, events, event);
}

static cl_int CL_API_CALL fill_buffer(cl_command_queue q, cl_mem m, const void *pattern,
                                      size_t pattern_bytes, size_t offset, size_t bytes,
                                      cl_uint num, const cl_event *events, cl_event *event)
{
    STRIKE("EnqueueFillBuffer", q);
    return CALL(q, EnqueueFillBuffer)(REAL(q), REAL(m), pattern, pattern_bytes, offset, bytes, num,
                                      events, event);
}

static void *CL_API_CALL map_buffer(cl_command_queue q, cl_mem m, cl_bool wait, cl_map_flags flags,
                                    size_t offset, size_t bytes, cl_uint num,
                                    const cl_event *events, cl_event *event, cl_int *err)
{
    STRIKE_CREATE("EnqueueMapBuffer", q, err);
    return CALL(q, EnqueueMapBuffer)(REAL(q), REAL(m), wait, flags, offset, bytes, num, events,
                                     event, err);
}

static cl_int CL_API_CALL unmap(cl_command_queue q, cl_mem m, void *at, cl_uint num,
                                const cl_event *events, cl_event *event)
{
    STRIKE("EnqueueUnmapMemObject", q);
    return CALL(q, EnqueueUnmapMemObject)(REAL(q), REAL(m), at, num, events, event);
}

static cl_int CL_API_CALL run_kernel(cl_command_queue q, cl_kernel k, cl_uint dims,
                                     const size_t *offset, const size_t *global,
                                     const size_t *local, cl_uint num, const cl_event *events,
                                     cl_event *event)
{
    STRIKE("EnqueueNDRangeKernel", k);
    return CALL(q, EnqueueNDRangeKernel)(REAL(q), REAL(k), dims, offset, global, local, num, events,
                                         event);
}

static cl_int CL_API_CALL enqueue_marker(cl_command_queue q, cl_uint num, const cl_event *events,
                                         cl_event *event)
{
    cl_event real;
    STRIKE("EnqueueMarkerWithWaitList", q);
    cl_int err = CALL(q, EnqueueMarkerWithWaitList)(REAL(q), num, events, &real);
    *event = err == CL_SUCCESS ? wrap(real, 0) : NULL;
    return err;
}

static cl_int CL_API_CALL wait_for_events(cl_uint num, const cl_event *events)
{
    cl_event real = REAL(events[0]);
    STRIKE("WaitForEvents", events[0]);
    return CALL(events[0], WaitForEvents)(num, &real);
}

static cl_int CL_API_CALL event_info(cl_event event, cl_event_info name, size_t size, void *value,
                                     size_t *num)
{
    STRIKE("GetEventInfo", event);
    return CALL(event, GetEventInfo)(REAL(event), name, size, value, num);
}

static cl_int CL_API_CALL flush(cl_command_queue q)
{
    STRIKE("Flush", q);
    return CALL(q, Flush)(REAL(q));
}

static cl_int CL_API_CALL finish(cl_command_queue q)
{
    STRIKE("Finish", q);
    return CALL(q, Finish)(REAL(q));
}

/* ---- programs and kernels -------------------------------------------------------------- */

static cl_program CL_API_CALL create_program(cl_context c, cl_uint num, const char **texts,
                                             const size_t *lengths, cl_int *err)
{
    const char *text = the_fault()->text;
    STRIKE_CREATE("CreateProgramWithSource", c, err);
    return wrap(CALL(c, CreateProgramWithSource)(REAL(c), num, texts, lengths, err),
                text[0] != '\0' && strstr(texts[0], text) != NULL);
}

static cl_program CL_API_CALL load_program(cl_context c, cl_uint num, const cl_device_id *devices,
                                           const size_t *lengths, const unsigned char **binaries,
                                           cl_int *status, cl_int *err)
{
    cl_device_id real = REAL(devices[0]);
    STRIKE_CREATE("CreateProgramWithBinary", c, err);
    return wrap(
        CALL(c, CreateProgramWithBinary)(REAL(c), num, &real, lengths, binaries, status, err), 0);
}

static cl_int CL_API_CALL build_program(cl_program p, cl_uint num, const cl_device_id *devices,
                                        const char *options,
                                        void(CL_CALLBACK *notify)(cl_program, void *), void *user)
{
    cl_device_id real = REAL(devices[0]);
    STRIKE("BuildProgram", p);
    return CALL(p, BuildProgram)(REAL(p), num, &real, options, notify, user);
}

/* Kerf compiles without headers. */
static cl_int CL_API_CALL compile_program(cl_program p, cl_uint num, const cl_device_id *devices,
                                          const char *options, cl_uint num_headers,
                                          const cl_program *headers, const char **names,
                                          void(CL_CALLBACK *notify)(cl_program, void *), void *user)
{
    cl_device_id real = REAL(devices[0]);
    STRIKE("CompileProgram", p);
    return CALL(p, CompileProgram)(REAL(p), num, &real, options, num_headers, headers, names,
                                   notify, user);
}

static cl_program CL_API_CALL link_program(cl_context c, cl_uint num, const cl_device_id *devices,
                                           const char *options, cl_uint num_programs,
                                           const cl_program *programs,
                                           void(CL_CALLBACK *notify)(cl_program, void *),
                                           void *user, cl_int *err)
{
    enum { MOST_PROGRAMS = 64 };
    cl_device_id real = REAL(devices[0]);
    cl_program real_programs[MOST_PROGRAMS];
    STRIKE_CREATE("LinkProgram", c, err);
    if (num_programs > MOST_PROGRAMS) {
        *err = CL_INVALID_VALUE;
        return NULL;
    }
    for (cl_uint i = 0; i < num_programs; i++)
        real_programs[i] = REAL(programs[i]);
    return wrap(CALL(c, LinkProgram)(REAL(c), num, &real, options, num_programs, real_programs,
                                     notify, user, err),
                0);
}

static cl_int CL_API_CALL get_program_info(cl_program p, cl_program_info what, size_t bytes,
                                           void *value, size_t *got)
{
    STRIKE("GetProgramInfo", p);
    return CALL(p, GetProgramInfo)(REAL(p), what, bytes, value, got);
}

static cl_int CL_API_CALL get_build_info(cl_program p, cl_device_id d, cl_program_build_info what,
                                         size_t bytes, void *value, size_t *got)
{
    STRIKE("GetProgramBuildInfo", p);
    return CALL(p, GetProgramBuildInfo)(REAL(p), REAL(d), what, bytes, value, got);
}

static cl_kernel CL_API_CALL create_kernel(cl_program p, const char *name, cl_int *err)
{
    STRIKE_CREATE("CreateKernel", p, err);
    return wrap(CALL(p, CreateKernel)(REAL(p), name, err), ((object *)p)->counts);
}

/* An argument as large as a pointer is a buffer: Kerf passes no other numbers of that size. */
static cl_int CL_API_CALL set_arg(cl_kernel k, cl_uint i, size_t bytes, const void *value)
{
    void *real;
    STRIKE("SetKernelArg", k);
    if (value != NULL && bytes == sizeof(cl_mem)) {
        real = REAL(*(void *const *)value);
        value = &real;
    }
    return CALL(k, SetKernelArg)(REAL(k), i, bytes, value);
}

static cl_int CL_API_CALL get_kernel_info(cl_kernel k, cl_kernel_info what, size_t bytes,
                                          void *value, size_t *got)
{
    STRIKE("GetKernelInfo", k);
    return CALL(k, GetKernelInfo)(REAL(k), what, bytes, value, got);
}

static cl_int CL_API_CALL get_group_info(cl_kernel k, cl_device_id d,
                                         cl_kernel_work_group_info what, size_t bytes, void *value,
                                         size_t *got)
{
    STRIKE("GetKernelWorkGroupInfo", k);
    return CALL(k, GetKernelWorkGroupInfo)(REAL(k), REAL(d), what, bytes, value, got);
}

static cl_icd_dispatch functions = {
    .clGetPlatformInfo = get_platform_info,
    .clGetDeviceIDs = get_device_ids,
    .clGetDeviceInfo = get_device_info,
    .clCreateContext = create_context,
    .clReleaseContext = release_cl_context,
    .clCreateCommandQueue = create_queue,
    .clReleaseCommandQueue = release_cl_command_queue,
    .clCreateBuffer = create_buffer,
    .clCreateSubBuffer = create_sub_buffer,
    .clReleaseMemObject = release_cl_mem,
    .clEnqueueReadBuffer = read_buffer,
    .clEnqueueWriteBuffer = write_buffer,
    .clEnqueueCopyBuffer = copy_buffer,
    .clEnqueueFillBuffer = fill_buffer,
    .clEnqueueMapBuffer = map_buffer,
    .clEnqueueUnmapMemObject = unmap,
    .clEnqueueNDRangeKernel = run_kernel,
    .clEnqueueMarkerWithWaitList = enqueue_marker,
    .clWaitForEvents = wait_for_events,
    .clGetEventInfo = event_info,
    .clReleaseEvent = release_cl_event,
    .clFlush = flush,
    .clFinish = finish,
    .clCreateProgramWithSource = create_program,
    .clCreateProgramWithBinary = load_program,
    .clBuildProgram = build_program,
    .clCompileProgram = compile_program,
    .clLinkProgram = link_program,
    .clGetProgramInfo = get_program_info,
    .clGetProgramBuildInfo = get_build_info,
    .clReleaseProgram = release_cl_program,
    .clCreateKernel = create_kernel,
    .clReleaseKernel = release_cl_kernel,
    .clSetKernelArg = set_arg,
    .clGetKernelInfo = get_kernel_info,
    .clGetKernelWorkGroupInfo = get_group_info,
};

/* ---- what an ICD loader looks for -------------------------------------------------------- */

/* The first platform of the driver behind; NULL without one. */
static cl_platform_id find_platform(void)
{
    const char *path = getenv("KERF_STUB_DRIVER");
    void *(*address)(const char *);
    cl_int (*platforms)(cl_uint, cl_platform_id *, cl_uint *);
    cl_platform_id real = NULL;
    void *library = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (library == NULL)
        return NULL;
    *(void **)&address = dlsym(library, "clGetExtensionFunctionAddress");
    if (address == NULL)
        return NULL;
    *(void **)&platforms = address("clIcdGetPlatformIDsKHR");
    return platforms != NULL && platforms(1, &real, NULL) == CL_SUCCESS ? real : NULL;
}

typedef cl_int(CL_API_CALL *any_function)(void);

static cl_int CL_API_CALL not_there(void)
{
    return CL_INVALID_OPERATION;
}

/* Who else calls OpenCL (CLBlast does, in the same process) gets an error, not a crash. */
static void fill_functions(void)
{
    any_function *slots = (any_function *)&functions;
    for (size_t i = 0; i < sizeof functions / sizeof *slots; i++)
        if (slots[i] == NULL)
            slots[i] = not_there;
}

CL_API_ENTRY cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint capacity, cl_platform_id *platforms,
                                                       cl_uint *num)
{
    static cl_platform_id wrapped;
    cl_int err = strike("GetPlatformIDs", 0);
    if (err != CL_SUCCESS)
        return err;
    fill_functions();
    if (wrapped == NULL)
        wrapped = wrap(find_platform(), 0);
    if (wrapped == NULL)
        return -1001; /* CL_PLATFORM_NOT_FOUND_KHR */
    if (platforms != NULL && capacity > 0)
        platforms[0] = wrapped;
    if (num != NULL)
        *num = 1;
    return CL_SUCCESS;
}

CL_API_ENTRY cl_int CL_API_CALL clGetPlatformInfo(cl_platform_id p, cl_platform_info what,
                                                  size_t bytes, void *value, size_t *got)
{
    return get_platform_info(p, what, bytes, value, got);
}

CL_API_ENTRY void *CL_API_CALL clGetExtensionFunctionAddress(const char *name)
{
    union {
        cl_int(CL_API_CALL *function)(cl_uint, cl_platform_id *, cl_uint *);
        void *address;
    } found = {clIcdGetPlatformIDsKHR};
    return strcmp(name, "clIcdGetPlatformIDsKHR") == 0 ? found.address : NULL;
}
