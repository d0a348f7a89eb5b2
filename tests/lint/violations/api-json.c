/* violates api-json as webui/sample.c */
/* webui/sample.c: a sample. */
#include "webui/sample.h"

static const char problem[] = "{\"status\":404}";
