/* violates include-path as daemon/net/sample.c */
/* net/sample.c: a sample. */
#include "sample.h"
