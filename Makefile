# Postroom. `make run` starts a demo instance, `make check` builds and tests. Needs GNU make; packaging/install-deps.sh brings the rest.
VERSION := $(shell sed -n 's/.*POSTROOM_VERSION "\(.*\)"/\1/p' daemon/base/version.h)

ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
# V=1 shows whole commands.
Q := $(if $(V),,@)
say = $(if $(V),,@echo '  $(1) $@')
comma := ,
empty :=
space := $(empty) $(empty)
# Each kind of build has a folder of its own: build/, build/san-address/, build/san-thread/...
BUILD ?= build$(if $(SAN),/san-$(firstword $(subst $(comma), ,$(SAN))))
RESULTS ?= $(BUILD)/results
JOBS ?= $(shell nproc)

PKGS := openssl libmicrohttpd sqlite3 jansson libunbound libidn2 libutf8proc libargon2 libcrypt libcbor libcurl zlib
WARN := -Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wundef -Wswitch-enum -Wstrict-prototypes -Wmissing-prototypes -Werror
CFLAGS ?= -O2 -g
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
HARDEN := $(if $(SAN)$(filter -O0,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2) -fstack-protector-strong -fstack-clash-protection -fPIE
ALL_CFLAGS := -std=c17 -D_GNU_SOURCE -I. -pthread $(WARN) $(HARDEN) $(SANFLAGS) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS := -pie -Wl,-z,relro -Wl,-z,now -Wl,--as-needed -pthread $(SANFLAGS) $(LDFLAGS)
LIBS = $(shell pkg-config --libs $(PKGS))

# Lowest first, as tests/lint/rules.py has it. A unit test links its folder's archive and those before it.
ROOMS := daemon/base daemon/crypto daemon/net daemon/mime db daemon/directory daemon/events daemon/auth daemon/store \
         daemon/relay daemon/queue daemon/ops daemon/smtp daemon/imap daemon/pop3 api webui daemon/cli
ROOMS := $(foreach r,$(ROOMS),$(if $(wildcard $(r)/*.c),$(r)))
archive = $(BUILD)/$(1).a
objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)/*.c))
reverse = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
# The words of $(2) up to and with $(1).
upto = $(if $(2),$(firstword $(2)) $(if $(filter $(1),$(firstword $(2))),,$(call upto,$(1),$(wordlist 2,$(words $(2)),$(2)))))
# The archives of room $(1) and all below it, highest first, as the linker wants them.
below = $(foreach r,$(call reverse,$(call upto,$(1),$(ROOMS))),$(call archive,$(r)))
ARCHIVES := $(foreach r,$(call reverse,$(ROOMS)),$(call archive,$(r)))

all: $(BUILD)/postroom
	@:
.PHONY: all run unit unit-tests beside check check-full check-unit check-chat check-daemon check-faults check-fuzz check-packages check-attack check-runner fuzzers fuzz lint tidy \
        format bench deb rpm install clean
.SECONDARY:
.DELETE_ON_ERROR:

# Writes $(2) into the file $(1) when something else stands there: what depends on the file is then made again.
differ = $(subst x$(1),,x$(2))$(subst x$(2),,x$(1))
remember = $(if $(call differ,$(strip $(file <$(1))),$(strip $(2))),$(shell mkdir -p $(dir $(1)))$(file >$(1),$(strip $(2))))
ifeq ($(filter clean format lint install,$(MAKECMDGOALS)),)
$(call remember,$(BUILD)/flags,$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS))
$(foreach r,$(ROOMS),$(call remember,$(BUILD)/$(r).list,$(call objects,$(r))))
endif

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC  )
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c $(BUILD)/flags
	$(call say,CC  )
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/gen/migrations.c: $(sort $(wildcard db/migrations/*/*.sql)) packaging/embed-migrations.sh
	@mkdir -p $(@D)
	$(call say,GEN )
	$(Q)sh packaging/embed-migrations.sh db/migrations > $@

$(BUILD)/gen/static.c: $(sort $(shell find static -type f 2>/dev/null)) packaging/embed-static.sh
	@mkdir -p $(@D)
	$(call say,GEN )
	$(Q)sh packaging/embed-static.sh static > $@

$(BUILD)/gen/openapi.c: $(sort $(wildcard api/openapi/*.json)) packaging/embed-openapi.sh
	@mkdir -p $(@D)
	$(call say,GEN )
	$(Q)sh packaging/embed-openapi.sh api/openapi > $@

define room_rule
$(call archive,$(1)): $(call objects,$(1)) $(if $(filter db,$(1)),$(BUILD)/gen/migrations.o) $(if $(filter api,$(1)),$(BUILD)/gen/openapi.o) $(if $(filter webui,$(1)),$(BUILD)/gen/static.o) $(BUILD)/$(1).list
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call say,AR  )
	$$(Q)ar rcs $$@ $$(filter %.o,$$^)
endef
$(foreach r,$(ROOMS),$(eval $(call room_rule,$(r))))

$(BUILD)/postroom: $(BUILD)/daemon/main.o $(ARCHIVES)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# tests/unit/<room's last name>/<subject>_test.c; what else stands there is linked to each of them.
unit_helpers = $(patsubst %.c,$(BUILD)/%.o,$(filter-out %_test.c,$(wildcard tests/unit/$(notdir $(1))/*.c)))
define unit_rule
$(BUILD)/tests/unit/$(notdir $(1))/%_test: $(BUILD)/tests/unit/$(notdir $(1))/%_test.o $(call unit_helpers,$(1)) $(call below,$(1))
	$$(call say,LINK)
	$$(Q)$(CC) $(ALL_LDFLAGS) -o $$@ $$^ $$(LIBS) -lcmocka
endef
$(foreach r,$(ROOMS),$(eval $(call unit_rule,$(r))))

UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/$(if $(F),$(F),*)/*_test.c))
unit: $(UNIT_TESTS)
	@set -e; for t in $(UNIT_TESTS); do echo "$$t"; $$t; done

# --- Suites: each writes $(RESULTS)/$(LABEL)<suite>.tap; the totals are counted from these files.
LABEL ?=
RUN_TESTS = python3 tests/run.py --build $(BUILD) --results $(RESULTS) --label '$(LABEL)' $(if $(SAN),--sanitizer $(firstword $(subst $(comma), ,$(SAN))))

unit-tests: $(UNIT_TESTS)
# One that does not build is a failed test; the others still run.
check-unit:
	+@$(MAKE) --no-print-directory -k unit-tests || incomplete=--incomplete; $(RUN_TESTS) $$incomplete unit $(UNIT_TESTS)

$(BUILD)/tests/chat/chat: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/chat/*.c)) $(ARCHIVES)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
CHAT := $(if $(wildcard tests/chat/*.c),$(BUILD)/tests/chat/chat)
check-chat: $(CHAT)
	@$(RUN_TESTS) chat $(CHAT) $(sort $(shell find tests/chat -name '*.chat' 2>/dev/null))

# JavaScript clients of the tests, exactly those of the lock file. Nothing of theirs is run to install them.
$(BUILD)/node/installed: tests/node/package.json tests/node/package-lock.json
	@mkdir -p $(@D)
	@cp $^ $(@D)
	$(call say,NPM )
	$(Q)cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --silent && touch installed

check-daemon: $(BUILD)/postroom $(BUILD)/node/installed
	@$(RUN_TESTS) daemon $(sort $(wildcard tests/daemon/$(if $(T),$(T),*)_test.py))

$(BUILD)/tests/faults/shim.so: tests/faults/shim.c
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) -std=c17 -D_GNU_SOURCE $(WARN) -O2 -g -fPIC -shared -pthread -o $@ $< -ldl
SHIM := $(if $(wildcard tests/faults/shim.c),$(BUILD)/tests/faults/shim.so)
CHECK_STORE := $(if $(wildcard tests/faults/check_store.c),$(BUILD)/tests/faults/check_store)
$(BUILD)/tests/faults/check_store: $(BUILD)/tests/faults/check_store.o $(call below,daemon/store)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
check-faults: $(BUILD)/postroom $(SHIM) $(CHECK_STORE)
	@$(RUN_TESTS) faults $(sort $(wildcard tests/faults/$(if $(T),$(T),*)_test.py))

# Fuzzers: clang, everything instrumented, in $(BUILD)/fuzz.
FUZZ_SECONDS ?= 3
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_MAKE = $(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC='$(FUZZ_CC)' SAN=fuzzer-no-link,address,undefined CFLAGS='-O1 -g'
FUZZ_CC ?= $(if $(findstring ccache,$(CC)),ccache) clang
$(BUILD)/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/fuzz/fuzz_%,$(wildcard tests/fuzz/*.c))) $(ARCHIVES)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)
fuzzers: $(patsubst %,$(BUILD)/fuzz_%,$(FUZZ_TARGETS))
check-fuzz:
	+@$(FUZZ_MAKE) fuzzers
	@$(RUN_TESTS) fuzz --seconds $(FUZZ_SECONDS) $(FUZZ_TARGETS)
# make fuzz T=imap [FUZZ_SECONDS=600]
fuzz:
	+@$(FUZZ_MAKE) $(BUILD)/fuzz/fuzz_$(T)
	@$(RUN_TESTS) fuzz --seconds $(if $(filter 3,$(FUZZ_SECONDS)),60,$(FUZZ_SECONDS)) $(T)

check-runner:
	@$(RUN_TESTS) runner tests/run_test.py

check-packages: deb
	@$(RUN_TESTS) packages $(sort $(wildcard tests/packages/*_test.py))

# Scanners from outside against every operation. Minutes: not a part of `check`.
check-attack: $(BUILD)/postroom
	@sh packaging/install-deps.sh build test attack
	@$(RUN_TESTS) attack $(sort $(wildcard tests/attack/$(if $(T),$(T),*)_test.py))

lint: check-runner
	@python3 tests/lint/self_test.py --tap $(RESULTS)/lint-self.tap
	@python3 tests/lint/lint.py --build $(BUILD) --tap $(RESULTS)/lint.tap
tidy:
	@python3 tests/lint/tidy.py --build $(BUILD) --tap $(RESULTS)/tidy.tap

C_FILES = $(shell find daemon db api webui tests -name '*.[ch]' ! -path 'tests/lint/violations/*')
format:
	clang-format -i $(C_FILES)

# --- Everything. A part that fails does not keep the others from running; what it owed is missing from the totals, and fails them.
PARALLEL = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))
AGAIN = $(MAKE) --no-print-directory -k $(PARALLEL) RESULTS=$(RESULTS)
CHECK_SUITES := lint lint-self runner unit chat daemon fuzz faults
SAN_SUITES := unit chat daemon

# What is done while tests wait, at the lowest priority.
beside:
	-@$(MAKE) --no-print-directory RESULTS=$(RESULTS) lint
	-+@$(FUZZ_MAKE) fuzzers

check:
	@sh tests/surroundings.sh
	@sh packaging/install-deps.sh build test
	@rm -rf $(RESULTS)
	-+@$(AGAIN) all
	-+@mkdir -p $(RESULTS); nice -n 19 $(AGAIN) beside >$(RESULTS)/beside.log 2>&1 & beside=$$!; trap 'kill $$beside' INT TERM; \
	for suite in unit chat daemon faults; do $(AGAIN) check-$$suite; done; wait $$beside; cat $(RESULTS)/beside.log
	-+@$(AGAIN) check-fuzz
	@python3 tests/run.py --results $(RESULTS) total $(CHECK_SUITES)

# The same with clang and under sanitizers, all faults, longer fuzzing, packages.
check-full:
	@sh tests/surroundings.sh
	@sh packaging/install-deps.sh build test package
	@rm -rf $(RESULTS)
	-+@$(AGAIN) all
	-@$(MAKE) --no-print-directory RESULTS=$(RESULTS) lint
	-@$(MAKE) --no-print-directory RESULTS=$(RESULTS) tidy
	-+@$(AGAIN) check-unit
	-+@$(AGAIN) check-chat
	-+@FULL=1 $(AGAIN) check-daemon
	-+@$(AGAIN) BUILD=$(BUILD)/clang CC=clang LABEL=clang- check-unit
	-+@for san in address,undefined thread; do \
		for suite in $(SAN_SUITES); do \
			$(AGAIN) BUILD=$(BUILD)/san-$${san%%,*} CC=clang SAN=$$san CFLAGS='-O1 -g' LABEL=$${san%%,*}- check-$$suite; \
		done; \
	done
	-+@FULL=1 $(AGAIN) check-faults
	-+@$(AGAIN) FUZZ_SECONDS=20 check-fuzz
	-+@$(AGAIN) check-packages
	-+@$(AGAIN) check-attack
	@python3 tests/run.py --results $(RESULTS) total $(CHECK_SUITES) tidy clang-unit $(foreach s,address thread,$(patsubst %,$(s)-%,$(SAN_SUITES))) packages attack

# --- Running, measuring, packing.
run:
	@sh packaging/install-deps.sh build
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@exec sh packaging/demo.sh $(BUILD)/postroom

$(BUILD)/tests/bench/load: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/*.c)) $(ARCHIVES)
	$(call say,LINK)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
bench:
	@sh packaging/install-deps.sh build test
	+@$(MAKE) --no-print-directory $(PARALLEL) all $(BUILD)/tests/bench/load
	@python3 tests/bench/bench.py --postroom $(BUILD)/postroom --load $(BUILD)/tests/bench/load $(if $(HARNESS),--harness $(HARNESS))

deb rpm:
	@sh packaging/install-deps.sh build $@
	+@$(MAKE) --no-print-directory $(PARALLEL) all
	@sh packaging/build-$@.sh $(BUILD) $(VERSION)

DESTDIR ?=
PREFIX ?= /usr/local
# $(call put,MODE,FILE,PLACE): installs FILE as PLACE where there is such a file.
put = $(if $(wildcard $(2)),install -D -m $(1) $(2) $(DESTDIR)$(PREFIX)/$(3))
install:
	install -D -m 755 $(BUILD)/postroom $(DESTDIR)$(PREFIX)/bin/postroom
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/bin/postroom|$(PREFIX)/bin/postroom|' packaging/postroom.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/postroom.service
	$(call put,644,packaging/postroom.sysusers,lib/sysusers.d/postroom.conf)
	$(call put,644,packaging/postroom.tmpfiles,lib/tmpfiles.d/postroom.conf)
	sh packaging/install-shared.sh $(BUILD)/postroom $(DESTDIR)$(PREFIX)
	$(call put,644,packaging/postroom.conf,share/doc/postroom/postroom.conf.example)
	$(call put,644,packaging/prometheus-alerts.yml,share/doc/postroom/prometheus-alerts.yml)
	$(call put,644,packaging/grafana.json,share/doc/postroom/grafana.json)

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -type f -name '*.d' -not -path '$(BUILD)/fuzz/*' -not -path '$(BUILD)/san-*' -not -path '$(BUILD)/clang/*' -not -path '$(BUILD)/bench/*' 2>/dev/null)
