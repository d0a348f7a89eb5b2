/* base/version.h: the release, as `postroom version`, the API and the greeting say it. */
#ifndef POSTROOM_BASE_VERSION_H
#define POSTROOM_BASE_VERSION_H

#define POSTROOM_VERSION "0.1.0"

#endif
