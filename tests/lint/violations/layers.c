/* violates layers as daemon/net/sample.c */
/* net/sample.c: a sample. */
#include "daemon/store/store.h"
