# make            build the module for lua5.4
# make demo       install what is missing, build, show it against real programs
# make test       install what is missing, build, run the specs
# make help       every target and setting

LUA ?= lua5.4
PREFIX ?= /usr/local
CFLAGS ?= -O2 -g

# The interpreter says which Lua this is; pkg-config knows where its headers are.
V := $(shell $(LUA) -e 'io.write(_VERSION:match("%d%.%d"))' 2>/dev/null)
NAME := $(shell $(LUA) -e 'io.write(jit and "luajit" or "lua$(V)")' 2>/dev/null)
ifdef LUA_INCDIR
  LUA_CFLAGS := -I$(LUA_INCDIR)
else
  LUA_CFLAGS := $(shell pkg-config --cflags $(NAME) 2>/dev/null || \
    pkg-config --cflags lua-$(V) 2>/dev/null || \
    echo -I/usr/include/$(NAME:luajit=luajit-2.1))
endif

BUILD ?= build/$(V)$(if $(PORTABLE),-portable$(PORTABLE:1=))
WARNINGS = -Wall -Wextra -Wshadow -Wpedantic
ALL_CFLAGS = -std=gnu11 -fPIC $(WARNINGS) $(LUA_CFLAGS) \
  $(if $(PORTABLE),-DDGRAM_PORTABLE=$(PORTABLE)) $(CPPFLAGS) $(CFLAGS)
SHARED = $(if $(filter Darwin,$(shell uname)),-bundle -undefined dynamic_lookup,-shared)

ENGINE := $(wildcard src/engine/*.c)
SOURCES := $(ENGINE) $(wildcard src/lua/*.c)
PLATFORM := $(wildcard src/engine/system*.c)
OBJECTS := $(SOURCES:src/%.c=$(BUILD)/obj/%.o)
MODULES := $(patsubst lua/%,%,$(wildcard lua/*.lua lua/dgram/*.lua lua/dgram/*/*.lua))
SPECS ?= $(wildcard spec/*_spec.lua)

all: $(BUILD)/dgram/core.so

$(BUILD)/dgram/core.so: $(OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SHARED) $(LDFLAGS) -o $@ $^

$(BUILD)/obj/%.o: src/%.c | interpreter
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(OBJECTS:.o=.d)

interpreter:
	@test -n "$(V)" || { echo "$(LUA) does not run: make setup LUA=$(LUA)" >&2; exit 1; }

# Installs what is missing. Each line: Debian's package, and how to see it is there.
SUDO = $(shell test "$$(id -u)" = 0 || echo sudo)
APT = $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq
INSTALL = $(APT) install -y --no-install-recommends --no-remove $(MISSING) >/dev/null
REMOVED = apt-get -s install --no-install-recommends $(MISSING) | sed -n 's/^Remv \([^ ]*\).*/\1/p'
LUA_PACKAGE = $(or $(NAME),$(notdir $(LUA)))
DEV_PACKAGE = lib$(LUA_PACKAGE:luajit=luajit-5.1)-dev

NEED = missing=; need() { \
  p=$$1; shift; "$$@" >/dev/null 2>&1 || missing="$$missing $$p"; }
GET = test -z "$$missing" || $(MAKE) -s packages MISSING="$$missing"

setup:
	@$(NEED); \
	need $(LUA_PACKAGE) $(LUA) -v; \
	need $(DEV_PACKAGE) $(CC) $(LUA_CFLAGS) -include lua.h -fsyntax-only -x c /dev/null; \
	need lua-luv $(LUA) -e 'require "luv"'; \
	need lua-busted $(LUA) -e 'require "busted"'; \
	need lua-check command -v luacheck; \
	need pkg-config command -v pkg-config; \
	need socat command -v socat; \
	need bsdutils command -v logger; \
	$(GET)

packages:
	@command -v apt-get >/dev/null || { echo "Missing:$(MISSING). Please \
	install $(LUA) with its headers, and for it luv, busted and luacheck (all \
	in LuaRocks); also pkg-config, socat, and logger (util-linux)." >&2; exit 1; }
	@echo "installing:$(MISSING)"
	@$(INSTALL) 2>/dev/null || { $(APT) update && $(INSTALL); } || { \
	removed=$$($(REMOVED)); test -z "$$removed" || \
	  echo "Not installed, for it would remove:" $$removed >&2; exit 1; }

ENV = eval "$$($(MAKE) -s --no-print-directory env)"

# The interpreter may be new after `setup`: a second make looks at it afresh.
demo: setup
	@$(MAKE) -s all
	@$(ENV) && $(LUA) examples/demo.lua

test: setup
	@$(MAKE) -s all
	@$(ENV) && LUA="$(LUA)" spec/run $(SPECS)

BENCHES := $(patsubst bench/c/%.c,build/bench/%,$(wildcard bench/c/*.c))

build/bench/%: bench/c/%.c bench/c/bench.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 $(WARNINGS) -o $@ $<

# Everything side by side, about four minutes, to docs/benchmark.md. QUICK=1: a
# short look, to build/bench; ONLY=echo ROUNDS=3: these workloads, to the screen.
bench: all $(BENCHES)
	@$(ENV) && LUA="$(LUA)" CC="$(CC)" $(LUA) bench/run.lua

# Every interpreter that is installed, then every loop besides luv's.
test-all:
	@spec/versions $(SPECS)

# As with luv 1.50 and later, which run no loop within the loop.
test-unnested:
	@$(MAKE) -s --no-print-directory test LOOP=unnested

-include spec/checks.mk

# Prints the exports that put the checkout before what is installed:
# eval "$(make -s env)". LUA_PATH_5_4 and its like would win over LUA_PATH.
env:
	@$(MAKE) -s all >&2
	@echo 'unset LUA_PATH_$(subst .,_,$(V)) LUA_CPATH_$(subst .,_,$(V))'
	@echo "export LUA_PATH='$(CURDIR)/lua/?.lua;$(call old,LUA_PATH)'"
	@echo "export LUA_CPATH='$(CURDIR)/$(BUILD)/?.so;$(call old,LUA_CPATH)'"
old = $${$(1)_$(subst .,_,$(V)):-$${$(1):-;}}

# What each datagram may run: without loops over names, of which traces of LuaJIT have
# seen some that ran no time at all, and one that had no end.
DATAGRAMS = $(patsubst %,lua/dgram/%.lua,send wait receive deliver scheduler timers \
  selector loop/poll loop/luv)

# Style, the layers of the source (see CONTRIBUTING.md), warnings as errors.
lint: interpreter
	luacheck -q lua spec examples bench
	@echo "layers: an engine without Lua, platform #if in system*.c alone, no circle"
	@! $(CC) $(ALL_CFLAGS) -M $(ENGINE) | tr ' ' '\n' | \
	  grep -E '/(lua|lualib|lauxlib|luaconf|luajit)\.h$$|src/lua/'
	@! grep -rnE '^ *# *(if|elif)' src | grep -vE \
	  '^src/engine/system(_[a-z]+)?\.[ch]:|^src/lua/compat.h:.*LUA|ndef [A-Z_]+_H$$|ndef _GNU_SOURCE'
	@! grep -rnE 'require\W+l?uv\W|\<uv[._]' src lua | grep -v '^lua/dgram/loop/luv.lua:'
	@! grep -nE '\<for\>.*\<in (pairs|next)\>' $(DATAGRAMS)
	@for f in lua/dgram/loop/*.lua; do test $$(wc -l < $$f) -le 100 \
	  || { echo "$$f, an adapter, has more than 100 lines"; exit 1; }; done
	@$(MAKE) -s all && spec/support/circles $(OBJECTS)
	@for f in $(SOURCES) $(MODULES:%=lua/%); do grep -q "\"$$f\"" dgram-scm-1.rockspec \
	  || { echo "$$f is not in the rockspec"; exit 1; }; done
	@for cc in $(CC) $$(command -v clang); do \
	  for f in $(SOURCES) $(PLATFORM:%="-DDGRAM_PORTABLE=1 %") \
	    $(PLATFORM:%="-U__linux__ -DDGRAM_PORTABLE=2 -include spec/platform/lacking.h %"); do \
	    $$cc $(ALL_CFLAGS) -Werror -c -o /dev/null $$f || exit 1; \
	  done; \
	done
	@if command -v cppcheck >/dev/null; then cppcheck -q --force --error-exitcode=1 \
	  --enable=warning,portability --suppress=ctunullpointer --suppress=legacyUninitvar \
	  src; fi
	@echo "1 passed, 0 failed"

# Instructions outside the kernel, which a busy machine does not change.
bench-user: all
	@$(ENV) && LUA="$(LUA)" bench/user/run $(WORK)

# The documents as a site with search, in build/docs/site. The pages keep the
# places they have here, so that their links hold.
PAGES = build/docs/pages
docs: docs-setup
	@rm -rf build/docs && mkdir -p $(PAGES)
	@find *.md LICENSE spec/README.md docs examples src -type f | grep -v '^docs/site/' | \
	  tar cf - -T - | tar xf - -C $(PAGES)
	@find $(PAGES) -name '*.md' -exec sed -i 's/^```lua .*/```lua/' {} +
	@mkdocs build -q --strict -f docs/site/mkdocs.yml
	@docs/site/check_links build/docs/site
	@echo "to read: python3 -m http.server -b 127.0.0.1 -d build/docs/site"

docs-setup:
	@$(NEED); \
	need mkdocs mkdocs --version; \
	need mkdocs-material sh -c 'mkdocs build --help | grep material'; \
	$(GET)

SHARE = $(DESTDIR)$(PREFIX)/share/lua/$(V)
LIB = $(DESTDIR)$(PREFIX)/lib/lua/$(V)/dgram
MAN = $(DESTDIR)$(PREFIX)/share/man/man3

install: all
	install -d $(SHARE)/dgram/loop $(SHARE)/dgram/nginx $(LIB) $(MAN)
	for f in $(MODULES); do install -m 644 lua/$$f $(SHARE)/$$f || exit 1; done
	install -m 755 $(BUILD)/dgram/core.so $(LIB)/core.so
	install -m 644 docs/dgram.3lua $(MAN)/dgram.3lua

uninstall: interpreter
	rm -f $(MODULES:%=$(SHARE)/%) $(LIB)/core.so $(MAN)/dgram.3lua
	-rmdir $(SHARE)/dgram/loop $(SHARE)/dgram/nginx $(SHARE)/dgram $(LIB)

clean:
	rm -rf build

# A release, of what is committed: the tarball, and a rock with the same files and
# the rockspec. Both are the same bytes for the same commit.
VERSION = $(shell sed -n 's/.*_VERSION = "dgram \(.*\)".*/\1/p' lua/dgram.lua)
ROCK = dgram-$(VERSION)-1
DIST ?= build/dist
TARBALL = $(DIST)/dgram-$(VERSION).tar.gz

dist:
	@mkdir -p $(DIST)
	git archive --prefix=dgram-$(VERSION)/ -o $(TARBALL) HEAD
	git archive --format=zip -o $(DIST)/$(ROCK).src.rock --prefix= \
	  --add-file=rockspecs/$(ROCK).rockspec --prefix=dgram/ HEAD

# The rockspec of this version, from that of the checkout.
rockspec:
	awk '{ sub(/"scm-1"/, "\"$(VERSION)-1\""); print } \
	  /^  url = / { print "  tag = \"v$(VERSION)\"," }' dgram-scm-1.rockspec \
	  >rockspecs/$(ROCK).rockspec

# The rock into an empty tree, without a network; every spec against that tree, in
# the folder that the tarball makes.
test-dist: setup dist
	@$(NEED); need luarocks luarocks --version; $(GET)
	@LUA="$(LUA)" V="$(V)" spec/luarocks/dist $(TARBALL) $(DIST)/$(ROCK).src.rock $(SPECS)

# Debian's packages for Lua 5.1 to 5.4, in build/deb; then in a clean system.
deb: dist
	@$(NEED); \
	need build-essential command -v dpkg-buildpackage; \
	need debhelper command -v dh; \
	need dh-lua command -v dh_lua; \
	need debootstrap sh -c 'PATH=$$PATH:/usr/sbin command -v debootstrap'; \
	$(GET)
	-@$(NEED); need lintian command -v lintian; $(GET)
	@spec/platform/debian $(TARBALL) $(VERSION)

help:
	@echo "targets:  all setup demo test test-all test-unnested lint bench bench-user docs install"
	@echo "          uninstall env clean dist test-dist rockspec deb"
	@echo "checks:   test-faults test-net test-peers sanitize fuzz soak coverage mutate check"
	@echo "          test-i386 test-musl oracle (spec/checks.mk says what each is)"
	@echo "settings: LUA=$(LUA) (or lua5.1 to lua5.5, luajit), LUA_INCDIR=,"
	@echo "          PREFIX=$(PREFIX), DESTDIR=, CFLAGS=$(CFLAGS), PORTABLE=1 (without"
	@echo "          the Linux-only calls; 2: nor what NetBSD and OpenBSD lack), SPECS='spec/...' (only these)"

.PHONY: all interpreter setup packages demo test test-all test-unnested env lint bench bench-user docs docs-setup install \
  uninstall clean dist rockspec test-dist deb help
