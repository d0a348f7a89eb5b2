#!/bin/sh
# Starts a demo instance in ./run/ on loopback high ports and prints how to talk to it. Ctrl-C stops it; its data stays in ./run/.
# Usage: demo.sh POSTROOM
set -eu
binary=$1
dir=run
password=postroom-demo
conf=$dir/postroom.conf

if [ -e "$conf" ] && "$binary" status --config "$conf" >/dev/null 2>&1; then
	echo "The demo instance in ./$dir runs already: $binary status --config $conf" >&2
	exit 1
fi

mkdir -p "$dir"
[ -e "$conf" ] || cat > "$conf" <<'EOF'
# The demo instance of `make run`.
data_dir = data
run_dir = sock
trusted_network = 127.0.0.0/8

[listen]
mx = 127.0.0.1:2525
submission = 127.0.0.1:2587
submissions = 127.0.0.1:2465
imap = 127.0.0.1:2143
imaps = 127.0.0.1:2993
pop3 = 127.0.0.1:2110
pop3s = 127.0.0.1:2995
http = 127.0.0.1:2080
https = 127.0.0.1:2443
EOF

fresh=0
if [ ! -e "$dir/ready" ]; then
	rm -rf "$dir/data" "$dir/sock" "$dir/secret.key"
	echo "$password" | "$binary" setup --config "$conf" --hostname mail.example.org --domain example.org --admin alice@example.org --password-stdin >/dev/null
	fresh=1
fi

"$binary" serve --config "$conf" &
pid=$!
trap 'kill "$pid" 2>/dev/null; wait "$pid" || :; exit 0' INT TERM

# The daemon answers when its socket does.
tries=0
until "$binary" status --config "$conf" >/dev/null 2>&1; do
	tries=$((tries + 1))
	if ! kill -0 "$pid" 2>/dev/null || [ "$tries" -gt 200 ]; then
		echo 'The daemon did not start; its words stand above.' >&2
		exit 1
	fi
	sleep 0.05
done

if [ "$fresh" = 1 ]; then
	"$binary" domain add --config "$conf" example.net >/dev/null
	for user in bob@example.org carol@example.net; do
		echo "$password" | "$binary" user add --config "$conf" "$user" --password-stdin >/dev/null
	done
	"$binary" alias add --config "$conf" sales@example.org bob@example.org carol@example.net >/dev/null
	: > "$dir/ready"
fi

cat <<EOF

Postroom runs in ./$dir (domains example.org and example.net).
  logins      alice@example.org (owner)   bob@example.org   carol@example.net      password: $password
  SMTP        127.0.0.1:2525              submission 127.0.0.1:2587 (STARTTLS), 127.0.0.1:2465 (TLS)
  IMAP        127.0.0.1:2143 (STARTTLS)   127.0.0.1:2993 (TLS)
  POP3        127.0.0.1:2110 (STLS)       127.0.0.1:2995 (TLS)
  page        http://127.0.0.1:2080/      https://127.0.0.1:2443/     (self-signed certificate)
Try it (apt-get install swaks curl):
  swaks --server 127.0.0.1:2525 --from me@example.com --to bob@example.org --header 'Subject: hello'
  curl -k --user 'bob@example.org:$password' 'imaps://127.0.0.1:2993/INBOX;MAILINDEX=1'
  swaks --server 127.0.0.1:2587 -tls --auth PLAIN --auth-user bob@example.org --auth-password $password --from bob@example.org --to carol@example.net
  $binary status --config $conf
Ctrl-C stops it; the mail stays in ./$dir, \`rm -r $dir\` starts afresh.

EOF
wait "$pid"
