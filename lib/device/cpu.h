/* device/cpu.h -- what this CPU is and can; see cpu.c. */
#ifndef KERF_DEVICE_CPU_H
#define KERF_DEVICE_CPU_H

#include <stddef.h>
#include <stdint.h>

/* Family, model, stepping and feature bits as text: drivers' names do not tell CPUs apart. */
void kerf__cpu_identity(char *text, size_t text_bytes);
/* Floats in the widest register that the system lets programs use. */
int kerf__cpu_vector_floats(void);
/* 1 if it has vpdpbusd on 512-bit registers. */
int kerf__cpu_has_vnni(void);
/* Bytes of all last-level caches together, 0 where the system does not tell. */
uint64_t kerf__cpu_cache_bytes(void);

#endif
