/* violates opening as daemon/base/sample.c */
#include <stdint.h>

static int sample;
