/* device/clblast.c -- CLBlast's SGEMM as a launch; see clblast.h.
 *
 * Its first call for a case compiles for seconds and it may allocate scratch, so the plan
 * treats it as foreign.  It must speak to the same OpenCL library as we do: where that was
 * named by hand or is a simulator, CLBlast counts as not there. */
#define _GNU_SOURCE /* RTLD_NODELETE; NOLINT(bugprone-reserved-identifier) */
#include "device/clblast.h"

#include "device/device_internal.h"

#ifdef KERF_WITH_CLBLAST

#include <clblast_c.h>
#include <dlfcn.h>
#include <stdlib.h>

#include "base/alloc.h"

typedef __typeof__(CLBlastSgemm) sgemm_function;

/* Opened at each use: the second time only counts, and so nothing has to be remembered. */
static sgemm_function *find_sgemm(const kerf__opencl *cl)
{
    sgemm_function *sgemm = NULL;
    void *library = cl->preloaded ? NULL : dlopen("libclblast.so.1", RTLD_NOW | RTLD_NODELETE);
    if (library == NULL)
        return NULL;
    if (dlsym(library, "clGetPlatformIDs") == *(void *const *)&cl->GetPlatformIDs)
        *(void **)&sgemm = dlsym(library, "CLBlastSgemm");
    dlclose(library);
    return sgemm;
}

int kerf__clblast_available(void)
{
    const kerf__opencl *cl;
    return kerf__opencl_get(&cl) == KERF_OK && find_sgemm(cl) != NULL;
}

typedef struct call {
    kerf_device *dev;         /* borrowed */
    sgemm_function *function; /* of a library that is never closed */
    kerf__clblast_sgemm gemm;
} call;

static kerf_status enqueue(void *context)
{
    call *c = context;
    const kerf__clblast_sgemm *g = &c->gemm;
    CLBlastStatusCode code =
        c->function(CLBlastLayoutRowMajor, g->trans_a ? CLBlastTransposeYes : CLBlastTransposeNo,
                    g->trans_b ? CLBlastTransposeYes : CLBlastTransposeNo, g->m, g->n, g->k,
                    g->alpha, g->a->mem, 0, g->trans_a ? g->m : g->k, g->b->mem, 0,
                    g->trans_b ? g->k : g->n, g->beta, g->dst->mem, 0, g->n, &c->dev->queue, NULL);
    if (code != CLBlastSuccess)
        return kerf__fail_opencl(c->dev, (cl_int)code, "CLBlast's SGEMM of m=%zu n=%zu k=%zu", g->m,
                                 g->n, g->k);
    return KERF_OK;
}

kerf_status kerf__clblast_create_sgemm(kerf__launch **out, kerf_device *dev,
                                       const kerf__clblast_sgemm *gemm)
{
    *out = NULL;
    sgemm_function *function = find_sgemm(dev->cl);
    if (function == NULL)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "clblast: libclblast.so.1 was not found");
    call *c = kerf__alloc(1, sizeof *c);
    if (c == NULL)
        return kerf__fail_memory("clblast", sizeof *c);
    *c = (call){dev, function, *gemm};
    kerf_status status = kerf__launch_create_foreign(out, dev, enqueue, free, c);
    if (status != KERF_OK)
        free(c);
    return status;
}

#else

int kerf__clblast_available(void)
{
    return 0;
}

kerf_status kerf__clblast_create_sgemm(kerf__launch **out, kerf_device *dev,
                                       const kerf__clblast_sgemm *gemm)
{
    (void)dev;
    (void)gemm;
    *out = NULL;
    return kerf__fail(KERF_ERR_UNSUPPORTED, "clblast: this build of Kerf was made without it");
}

#endif
