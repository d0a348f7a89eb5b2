/* The configuration file reader: any text is refused with words or understood; nothing leaks. */
#include <stdint.h>
#include <stdlib.h>

#include "daemon/ops/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c;
	struct note why = { "" };

	if (config_parse("/etc/postroom/postroom.conf", span_make((const char *)data, size), &c, &why) != ERR_OK) {
		if (why.text[0] == '\0')
			abort();
		return 0;
	}
	if (!c.data_dir || !c.run_dir || !c.secret_key || c.listener_count > CONFIG_MAX_LISTENERS)
		abort();
	config_clear(&c);
	return 0;
}
