#pragma once
/* Shared by record.c (entries) and record_header.c (options and files). */
#include <stddef.h>
#include <stdint.h>

#include "machine/observer.h"

#define RECORD_KIND "EFT RECORDING "
#define RECORD_VERSION "2"
#define RECORD_MAGIC RECORD_KIND RECORD_VERSION "\n"

/* FNV-1a, 64 bits. */
#define DIGEST_INITIAL UINT64_C(0xcbf29ce484222325)
uint64_t digest_add(uint64_t digest, const void *bytes, size_t size);

void record_start(const char *name);
void record_load(const char *name);
uint64_t record_written(void);    /* bytes so far */
void record_text(const char *text);
char *record_take_text(void);    /* from malloc */
void record_take_event(struct observer_event *event);

/* Where reading goes on, and where the file ends. */
size_t record_place(void);
void record_seek(size_t place);
size_t record_size(void);

/* Behind the end of the run: the files that were read. */
void record_files_write(void);
