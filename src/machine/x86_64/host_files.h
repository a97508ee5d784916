#pragma once
/* Files of the host, if there is a virtio-9p device: machine_info()->hostfs. */
void host_files_init(void);
