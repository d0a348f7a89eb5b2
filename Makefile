# Postroom. `make run` starts a demo instance, `make check` builds and tests. Needs GNU make; packaging/install-deps.sh brings the rest.
BUILD ?= build
CC ?= gcc
SAN ?=
PKGS := openssl libmicrohttpd sqlite3 jansson libunbound libidn2 libutf8proc libargon2
WARN := -Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wundef -Wswitch-enum -Wstrict-prototypes -Wmissing-prototypes -Werror
CFLAGS ?= -O2 -g
comma := ,
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
HARDEN := $(if $(SAN),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong -fPIE
ALL_CFLAGS := -std=c17 -D_GNU_SOURCE -I. -pthread $(WARN) $(HARDEN) $(SANFLAGS) $(CFLAGS)
ALL_LDFLAGS := -pie -Wl,-z,relro -Wl,-z,now -pthread $(SANFLAGS) $(LDFLAGS)
LIBS = $(shell pkg-config --libs $(PKGS))

# Lowest first; DESIGN section 3. A unit test links its folder's archive and those before it.
ROOMS := daemon/base daemon/crypto daemon/net daemon/mime db daemon/directory daemon/auth daemon/store \
         daemon/relay daemon/queue daemon/ops daemon/smtp daemon/imap api webui daemon/cli
ROOMS := $(foreach r,$(ROOMS),$(if $(wildcard $(r)/*.c),$(r)))
archive = $(BUILD)/$(1).a
objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)/*.c))
# The archives of room $(1) and all below it, highest first, as the linker wants them.
below = $(shell for r in $(ROOMS); do echo $$r; [ $$r = $(1) ] && break; done | tac)

all: $(BUILD)/postroom
.PHONY: all unit clean
.SECONDARY:
.DELETE_ON_ERROR:

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/gen/migrations.c: $(sort $(wildcard db/migrations/*/*.sql)) packaging/embed-migrations.sh
	@mkdir -p $(@D)
	sh packaging/embed-migrations.sh db/migrations > $@

$(BUILD)/gen/static.c: $(sort $(wildcard static/*)) packaging/embed-static.sh
	@mkdir -p $(@D)
	sh packaging/embed-static.sh static > $@

define room_rule
$(call archive,$(1)): $(call objects,$(1)) $(if $(filter db,$(1)),$(BUILD)/gen/migrations.o) $(if $(filter webui,$(1)),$(BUILD)/gen/static.o)
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room_rule,$(r))))

reverse = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
$(BUILD)/postroom: $(BUILD)/daemon/main.o $(foreach r,$(ROOMS),$(call archive,$(r)))
	$(CC) $(ALL_LDFLAGS) -o $@ $< $(foreach r,$(call reverse,$(ROOMS)),$(call archive,$(r))) $(LIBS)

# tests/unit/<room's last name>/<subject>_test.c
define unit_rule
$(BUILD)/tests/unit/$(notdir $(1))/%_test: $(BUILD)/tests/unit/$(notdir $(1))/%_test.o $(foreach r,$(call below,$(1)),$(call archive,$(r)))
	$(CC) $(ALL_LDFLAGS) -o $$@ $$^ $(LIBS) -lcmocka
endef
$(foreach r,$(ROOMS),$(eval $(call unit_rule,$(r))))

UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/$(if $(F),$(F),*)/*_test.c))
unit: $(UNIT_TESTS)
	@set -e; for t in $(UNIT_TESTS); do echo "$$t"; $$t; done

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
