#!/bin/sh
# Puts what is made from the program's own tables, and its other names, under a prefix: manual pages, completions, sendmail.
# Usage: install-shared.sh PROGRAM PREFIX
set -eu
program=$1
prefix=$2

install -d "$prefix/share/man/man1" "$prefix/share/man/man5" "$prefix/share/man/man8"
"$program" manual postroom > "$prefix/share/man/man8/postroom.8"
"$program" manual postroom.conf > "$prefix/share/man/man5/postroom.conf.5"
"$program" manual sendmail > "$prefix/share/man/man1/sendmail.1"
for name in mailq newaliases; do
	echo '.so man1/sendmail.1' > "$prefix/share/man/man1/$name.1"
done

install -d "$prefix/share/bash-completion/completions" "$prefix/share/zsh/vendor-completions" "$prefix/share/fish/vendor_completions.d"
"$program" completion bash > "$prefix/share/bash-completion/completions/postroom"
"$program" completion zsh > "$prefix/share/zsh/vendor-completions/_postroom"
"$program" completion fish > "$prefix/share/fish/vendor_completions.d/postroom.fish"

# Other names of the program: what it does is decided by the name it is called by.
install -d "$prefix/sbin" "$prefix/bin"
ln -sf ../bin/postroom "$prefix/sbin/sendmail"
ln -sf postroom "$prefix/bin/mailq"
ln -sf postroom "$prefix/bin/newaliases"
