/* device/opencl_posix.c -- where OpenCL is looked for (opencl.h). */
#include "device/opencl.h"

/* Names that the dynamic linker looks up, the loader's first, then those of Android's vendors
 * (Google's two wrappers, Arm's, Imagination's); then places that Android's linker does not
 * look into.  /system/vendor is the same folder as /vendor. */
const char *const kerf__opencl_paths[] = {
    "libOpenCL.so.1",
    "libOpenCL.so",
    "libOpenCL-pixel.so",
    "libOpenCL-car.so",
    "libGLES_mali.so",
    "libmali.so",
    "libPVROCL.so",
    "/vendor/lib64/libOpenCL.so",
    "/vendor/lib64/egl/libGLES_mali.so",
    "/vendor/lib64/libGLES_mali.so",
    "/vendor/lib64/libPVROCL.so",
    "/odm/lib64/libOpenCL.so",
    "/system/lib64/libOpenCL.so",
    NULL,
};

const char kerf__opencl_advice[] = "install an OpenCL ICD loader and a driver "
                                   "(Debian: apt install ocl-icd-libopencl1 pocl-opencl-icd)";
