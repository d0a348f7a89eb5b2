/* ops/service_manager.h: telling the service manager how the daemon stands (the protocol of sd_notify(3)). */
#ifndef POSTROOM_OPS_SERVICE_MANAGER_H
#define POSTROOM_OPS_SERVICE_MANAGER_H

/* "READY=1", "STOPPING=1", "STATUS=..."; nothing when NOTIFY_SOCKET is not set. */
void service_manager_notify(const char *state);

#endif
