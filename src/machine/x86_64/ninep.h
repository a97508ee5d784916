#pragma once
/*
 * Messages of 9P2000.L to the host's server, over a virtio device: one at a time, waited for.
 *
 * A message is built by ninep_begin and the put functions, sent by ninep_call, and its answer read
 * by the get functions; all between ninep_lock and ninep_unlock.  A message that is too long, or
 * an answer that is too short, makes the call fail with -EIO.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ninep_type {
    NINEP_ERROR = 7,             /* an answer: a Linux error number */
    NINEP_STATISTICS = 8,        /* answers are numbered one more than questions */
    NINEP_OPEN = 12,
    NINEP_READ_LINK = 22,
    NINEP_ATTRIBUTES = 24,
    NINEP_READ_DIRECTORY = 40,
    NINEP_VERSION = 100,
    NINEP_ATTACH = 104,
    NINEP_WALK = 110,
    NINEP_READ = 116,
    NINEP_CLUNK = 120,
};

#define NINEP_NO_FID UINT32_MAX
#define NINEP_DATA_MAX 65536u    /* bytes of data in one answer */
#define NINEP_IDENTITY_SIZE 13   /* a qid: type, version, number */

/* False: no such device. */
bool ninep_init(void);
bool ninep_lock(void);
void ninep_unlock(bool were_on);

void ninep_begin(enum ninep_type type);
void ninep_put(uint64_t value, size_t size);
void ninep_put_text(const char *text);
/* 0, or a negative error number. */
int ninep_call(void);
uint64_t ninep_get(size_t size);
void ninep_skip(size_t size);
/* The next bytes of the answer, as they lie there; NULL: there are not so many. */
const void *ninep_get_bytes(size_t size);
/* Was more asked for than the answer held? */
bool ninep_is_short(void);
