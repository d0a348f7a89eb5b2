/* webui/browser.h: what a browser says about itself: its cookie, and the site that asks. Pure functions. */
#ifndef POSTROOM_WEBUI_BROWSER_H
#define POSTROOM_WEBUI_BROWSER_H

#include "daemon/base/span.h"

#define BROWSER_COOKIE "__Host-postroom"
#define BROWSER_COOKIE_MAX 128

/* The value of our cookie in a Cookie field; empty when it is not there, there twice, or not of base64url. */
struct span browser_cookie(struct span field);

struct browser_finding {
	bool cross_site; /* another site asks, or something that does not say who it is */
	bool same_site;  /* it was said, and it is ours */
};
/* `ours`: "https://mail.example.org". Fields that did not come are empty. */
struct browser_finding browser_site(struct span origin, struct span fetch_site, struct span ours);

#endif
