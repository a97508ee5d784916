#pragma once
/* Ways for the link's bytes: the second serial port, or a virtio console. */
#include <stdbool.h>
#include <stddef.h>

struct link_transport {
    const char *name;                                    /* as in the option: link=NAME */
    bool (*init)(void);
    void (*init_interrupts)(void);
    /* Takes all; under the link's output lock. */
    void (*write)(const void *bytes, size_t size);
    /* What has come, at most `room` bytes; 0: nothing.  Under the link's input lock. */
    size_t (*read)(void *bytes, size_t room);
    /* Each look costs the host something: rather wait a little between two. */
    bool looks_are_dear;
};

extern const struct link_transport transport_serial, transport_virtio;
