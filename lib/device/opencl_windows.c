/* device/opencl_windows.c -- where OpenCL is looked for (opencl.h). */
#include "device/opencl.h"

const char *const kerf__opencl_paths[] = {"OpenCL.dll", NULL};

const char kerf__opencl_advice[] = "install a driver of the device's maker that has OpenCL";
