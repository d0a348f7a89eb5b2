/* The configuration file: what is refused, with which words, and what is understood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/ops/config.h"

static enum err parse(const char *text, struct config *c, struct note *why)
{
	*why = (struct note){ "" };
	return config_parse("/etc/x/postroom.conf", span_str(text), c, why);
}

static void refused_with(const char *text, const char *words)
{
	struct config c;
	struct note why;

	assert_int_not_equal(parse(text, &c, &why), ERR_OK);
	if (!strstr(why.text, words))
		fail_msg("'%s' does not say '%s'", why.text, words);
	assert_null(c.path);
}

static void defaults_are_those_of_the_manual(void **state)
{
	struct config c;
	struct note why;

	(void)state;
	assert_int_equal(parse("", &c, &why), ERR_OK);
	assert_string_equal(c.data_dir, "/var/lib/postroom");
	assert_string_equal(c.run_dir, "/run/postroom");
	assert_string_equal(c.secret_key, "/etc/x/secret.key");
	assert_string_equal(c.resolver, "recursive");
	assert_int_equal(c.relay_port, 25);
	assert_int_equal(c.log_level, LOG_INFO);
	assert_null(c.user);
	assert_null(c.tls_ca_file);
	assert_int_equal(c.listener_count, 0);
	config_clear(&c);
}

static void all_keys_are_read(void **state)
{
	struct config c;
	struct note why;

	(void)state;
	assert_int_equal(parse("# a comment\n"
			       "data_dir = data\nrun_dir=/tmp/r\r\nlog_level = warn\nresolver = 127.0.0.1@5353\nrelay_port = 2525\nsecret_key = /k\n"
			       "trusted_network = 127.0.0.0/8\ntrusted_network = 2001:db8::/32\nproxy_from = 192.0.2.80\nuser = root\n"
			       "[listen]\nmx = 0.0.0.0:25\nmx = [::]:25\nlmtp = 127.0.0.1:24\nimaps = 127.0.0.1:993\nhttps = 127.0.0.1:443\n",
			       &c, &why),
			 ERR_OK);
	assert_string_equal(c.data_dir, "/etc/x/data");
	assert_string_equal(c.run_dir, "/tmp/r");
	assert_int_equal(c.log_level, LOG_WARN);
	assert_string_equal(c.resolver, "127.0.0.1@5353");
	assert_int_equal(c.relay_port, 2525);
	assert_string_equal(c.secret_key, "/k");
	assert_int_equal(c.trusted_count, 2);
	assert_int_equal(c.proxy_count, 1);
	assert_int_equal(c.listener_count, 5);
	assert_int_equal(c.listeners[1].service, LISTEN_MX);
	assert_int_equal(c.listeners[1].at.family, NET_IPV6);
	assert_int_equal(c.listeners[2].service, LISTEN_LMTP);
	assert_int_equal(c.listeners[4].service, LISTEN_HTTPS);
	config_clear(&c);
}

static void mistakes_are_named_with_their_line(void **state)
{
	(void)state;
	refused_with("data_dir = /d\ncolour = red\n", ":2: unknown key: 'colour'");
	refused_with("data_dir = /a\ndata_dir = /b\n", ":2: key is given twice");
	refused_with("data_dir\n", ":1: not a line of the form");
	refused_with("data_dir = \n", "not a path");
	refused_with("log_level = loud\n", "log_level is debug, info, warn or error");
	refused_with("relay_port = 0\n", "not a port");
	refused_with("relay_port = 65536\n", "not a port");
	refused_with("resolver = nearby\n", "resolver is recursive");
	refused_with("trusted_network = 10.0.0.1/8\n", "not a network");
	refused_with("proxy_from = proxy.example.org\n", "not a network");
	refused_with("tls_ca_file = /no/such/file\n", "can't be read");
	refused_with("trust_anchor = /no/such/file\n", "can't be read");
	refused_with("user = nobody-has-this-name\n", "no such user");
	refused_with("[hosts]\n", "unknown section");
	refused_with("mx = 0.0.0.0:25\n", "unknown key: 'mx'");
	refused_with("[listen]\nmx = 25\n", ":2: not an ADDR:PORT");
	refused_with("[listen]\nmx = 0.0.0.0:0\n", "not an ADDR:PORT");
	refused_with("[listen]\nsmtp = 0.0.0.0:25\n", "unknown service");
	refused_with("[listen]\nmanagesieve = 0.0.0.0:4190\n", "not built yet: 'managesieve'");
	refused_with("[listen]\nmx = 1.2.3.4:25\nimap = 1.2.3.4:25\n", ":3: address and port are given twice");
	refused_with("data_dir = /a\x01z\n", "control characters");
}

static void paths_too_long_for_a_socket_are_refused(void **state)
{
	char text[400] = "run_dir = /";

	(void)state;
	memset(text + 11, 'a', 200);
	refused_with(text, "too long for a socket");
}

static void a_missing_file_is_said_so(void **state)
{
	struct config c;
	struct note why = { "" };

	(void)state;
	assert_int_equal(config_read("/no/such/postroom.conf", &c, &why), ERR_NOT_FOUND);
	assert_non_null(strstr(why.text, "/no/such/postroom.conf"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_manual),
		cmocka_unit_test(all_keys_are_read),
		cmocka_unit_test(mistakes_are_named_with_their_line),
		cmocka_unit_test(paths_too_long_for_a_socket_are_refused),
		cmocka_unit_test(a_missing_file_is_said_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
