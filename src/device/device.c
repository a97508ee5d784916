/* Start of the devices without hardware. */
#include "device/device.h"

#include "device/device_internal.h"

void device_init(void)
{
    null_register();
    random_register();
    log_register();
}
