#pragma once
/* Standard streams of the runner as channels 0, 1 and 2 (device/channel.h). */

/* A field of the boot file: "NUMBER KIND MODE FLAGS INODE DEVICE DEVICE_ID"; the kind is `absent`,
 * `terminal`, `stream`, `file` or `posted` (a stream that is written without waiting). */
void channel_add(const char *text);
