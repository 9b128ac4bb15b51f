# The checks under fire, beside the specs of `make test`. Included by Makefile.
#
#   make test-faults   refused and shortened system calls, no memory left
#   make test-net      many hosts: multicast, routers, errors, broken links
#   make test-peers    the examples against programs that others wrote
#   make sanitize      the specs under ASan, UBSan, LSan, TSan and valgrind, with
#                      Lua's API checks, with a collection after every instruction
#   make fuzz TIME=60  libFuzzer on addresses, control messages, trains and
#                      reports, the queue and the public API
#   make soak TIME=600 load: floods, storms, slow peers, a thousand sockets
#   make coverage      lines and branches that no spec runs
#   make mutate COUNT=60 JOBS=2  changes of conditions that no spec notices
#
#   make test-i386     the specs in a 32-bit userland (needs root)
#   make test-musl     the module with musl's C library, on the poll() loop
#
#   make check         all of them in their short form, but for these two
#
# Each closes with a line "N passed, N failed", behind what is pending (spec/total).
# No checks, but what the specs try, where it can be had, and what one compares with:
#
#   make hosts-setup   installs nginx, Neovim and other hosts, LuaRocks, more loops
#   make oracle        records what the newest Node on npm, or NODE=node, says to
#                      the scenarios of spec/oracle; git diff shows what is new

CHECKS = $(BUILD)/checks

# Where they cannot be had, they say so and pass.
test-i386:
	-@$(NEED); need debootstrap command -v debootstrap; $(GET)
	@INTERPRETERS="$(or $(INTERPRETERS),lua5.4 luajit)" spec/platform/i386 $(SPECS)

test-musl: setup
	-@$(NEED); need musl-tools command -v musl-gcc; $(GET)
	@MAKE="$(MAKE)" spec/platform/musl "$(CURDIR)/build/musl"

# Each installs what is missing first. The interpreter may be new then: a second
# make looks at it afresh.
test-faults test-net sanitize fuzz soak coverage mutate: check-setup
	@$(MAKE) -s --no-print-directory run-$@

# Installs what `setup` does, and what these checks take beside.
check-setup: setup
	@$(NEED); \
	PATH=$$PATH:/usr/sbin:/sbin; \
	need iproute2 command -v tc; \
	need nftables command -v nft; \
	need strace command -v strace; \
	need bind9-dnsutils command -v dig; \
	need libcoap3-bin command -v coap-client-notls; \
	need tftp-hpa command -v tftp; \
	need valgrind valgrind --version; \
	$(GET)

fuzz: fuzz-setup
fuzz-setup: check-setup
	@$(NEED); \
	need clang command -v clang; \
	need libclang-rt-dev sh -c 'ls "$$(clang -print-runtime-dir)"/*fuzzer*'; \
	$(GET)

# Gets what is missing one by one, for some cannot be had; its specs are pending then.
# No daemon is started.
GET_SOME = for package in $$missing; do \
  $(MAKE) -s packages MISSING=" $$package" APT="$(SUDO) spec/peers/apt"; done

# The programs that hold the library and the loops that carry it, which the specs of
# `make test` try where they are. LuaJIT's headers are of the package that ngx_lua
# takes: a system has one LuaJIT, and where it has the other there is no nginx.
hosts-setup: check-setup
	-@$(NEED); \
	PATH=$$PATH:/usr/sbin; \
	need libnginx-mod-http-lua test -e /usr/lib/nginx/modules/ngx_http_lua_module.so; \
	need luajit2 command -v luajit; \
	need libluajit2-5.1-dev pkg-config --exists luajit; \
	need knot-resolver command -v kresd; \
	need neovim command -v nvim; \
	need haproxy command -v haproxy; \
	need lua5.3 lua5.3 -v; \
	need liblua5.3-dev pkg-config --exists lua5.3; \
	need prosody command -v prosody; \
	need luarocks command -v luarocks; \
	need liblua5.1-0-dev pkg-config --exists lua5.1; \
	need unzip command -v unzip; \
	need groff command -v groff; \
	need curl command -v curl; \
	need lua-luv-dev pkg-config --exists $(LUA)-luv libuv; \
	need lua-cqueues $(LUA) -e 'require "cqueues"'; \
	need lua-event $(LUA) -e 'require "luaevent.core"'; \
	$(GET_SOME)

# The programs that the examples talk to. Those of npm are for this checkout alone.
PEER_PACKAGES = hot-shots

test-peers: peers-setup
	@$(MAKE) -s --no-print-directory run-test-peers

peers-setup: check-setup
	-@$(NEED); \
	need npm command -v npm; \
	need dnsperf command -v dnsperf; \
	need dnsmasq-base sh -c 'PATH=$$PATH:/usr/sbin command -v dnsmasq'; \
	need dbus-daemon command -v dbus-daemon; \
	need avahi-daemon sh -c 'PATH=$$PATH:/usr/sbin command -v avahi-daemon'; \
	need avahi-utils command -v avahi-browse; \
	need curl command -v curl; \
	need ntpsec-ntpdig command -v ntpdig; \
	need socat command -v socat; \
	need systemd command -v systemd-socket-activate; \
	need rsyslog sh -c 'PATH=$$PATH:/usr/sbin command -v rsyslogd'; \
	need udhcpc sh -c 'PATH=$$PATH:/usr/sbin command -v udhcpc'; \
	need iperf3 command -v iperf3; \
	need minidlna sh -c 'PATH=$$PATH:/usr/sbin command -v minidlnad'; \
	$(GET_SOME)
	-@for package in $(PEER_PACKAGES); do \
	  test -d build/peers/node_modules/$$package || nice npm install --silent \
	    --no-package-lock --prefix build/peers $$package; \
	done
# chrony is not installed, for it would take the place of what sets this clock.
	@PATH=$$PATH:/usr/sbin; command -v chronyd >/dev/null || \
	  test -x build/peers/chrony/usr/sbin/chronyd || { mkdir -p build/peers && \
	  cd build/peers && apt-get -qq download chrony && dpkg-deb -x chrony_*.deb chrony; } \
	  2>/dev/null || true

$(CHECKS)/faults.so: spec/faults/shim.c | interpreter
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -shared -o $@ $< -ldl -Wno-pedantic

$(CHECKS)/host: spec/faults/host.c | interpreter
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(shell pkg-config --libs $(NAME))

# System calls that fail, at every index; then an allocator that does.
run-test-faults: all $(CHECKS)/faults.so $(CHECKS)/host
	@$(ENV) && CHECKS="$(CURDIR)/$(CHECKS)" LUA="$(LUA)" spec/faults/run

$(CHECKS)/netns.so: spec/net/netns.c | interpreter
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -shared -o $@ $<

# Hosts as network namespaces of their own; needs no privilege.
run-test-net: all $(CHECKS)/netns.so
	@$(ENV) && CHECKS="$(CURDIR)/$(CHECKS)" LUA="$(LUA)" spec/net/run

# PEERS='spec/peers/...': only these.
PEERS ?= $(wildcard spec/peers/*.lua)
run-test-peers: all $(CHECKS)/netns.so
	@$(ENV) && CHECKS="$(CURDIR)/$(CHECKS)" LUA="$(LUA)" spec/net/run $(PEERS)

ASAN = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
  -fno-sanitize-recover=undefined
TSAN = -O1 -g -fno-omit-frame-pointer -fsanitize=thread
INTERPRETER = CC=$(CC) NAME=$(NAME) spec/sanitize/interpreter

$(CHECKS)/lua-asan: spec/sanitize/interpreter | interpreter
	@mkdir -p $(@D)
	$(INTERPRETER) $@ "-fsanitize=address,undefined"

$(CHECKS)/lua-tsan: spec/sanitize/interpreter spec/sanitize/close.c | interpreter
	@mkdir -p $(@D)
	$(INTERPRETER) $@ "-fsanitize=thread spec/sanitize/close.c"

# The interpreters need the source of Lua: apt fetches it, or LUA_SOURCE=DIR. Where
# it cannot be had, this says so and passes.
run-sanitize: all
	@. spec/platform/skip; NAME=$(NAME) spec/sanitize/source \
	  "$(or $(LUA_SOURCE),$(CHECKS)/$(NAME)-source)" || \
	  skip "sanitizers: no source of $(NAME)"; \
	$(MAKE) -s --no-print-directory run-sanitizers

run-sanitizers: $(CHECKS)/lua-asan $(CHECKS)/lua-tsan
	@$(MAKE) -s BUILD=$(BUILD)-asan CFLAGS="$(ASAN)" all
	@$(MAKE) -s BUILD=$(BUILD)-tsan CFLAGS="$(TSAN)" all
	@CHECKS="$(CURDIR)/$(CHECKS)" DGRAM_BUILD="$(BUILD)" LUA="$(LUA)" \
	  SHORT="$(SHORT)" spec/sanitize/run

FUZZ = clang -std=gnu11 -O1 -g -fno-omit-frame-pointer -Isrc/engine \
  -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
FUZZERS = $(patsubst %,$(CHECKS)/fuzz-%,address receive report queue api)

ENGINE_HEADER = src/engine/engine.h
in_engine = $(patsubst %,src/engine/%.c,$(1))

$(CHECKS)/fuzz-address: spec/fuzz/address.c $(ENGINE) $(ENGINE_HEADER)
	@mkdir -p $(@D)
	$(FUZZ) -o $@ $< $(call in_engine,address blocklist multicast)

$(CHECKS)/fuzz-receive: spec/fuzz/receive.c $(ENGINE) $(ENGINE_HEADER)
	@mkdir -p $(@D)
	$(FUZZ) -o $@ $< $(call in_engine,address control passed receive)

$(CHECKS)/fuzz-report: spec/fuzz/report.c $(ENGINE) $(ENGINE_HEADER)
	@mkdir -p $(@D)
	$(FUZZ) -o $@ $< $(call in_engine,address control passed report)

$(CHECKS)/fuzz-queue: spec/fuzz/queue.c $(ENGINE) $(ENGINE_HEADER)
	@mkdir -p $(@D)
	$(FUZZ) -o $@ $< $(call in_engine,address control passed fifo report train transmit lane queue)

$(CHECKS)/fuzz-api: spec/fuzz/api.c $(SOURCES) $(ENGINE_HEADER) src/lua/binding.h
	@mkdir -p $(@D)
	$(FUZZ) $(LUA_CFLAGS) -o $@ $< $(SOURCES) $(shell pkg-config --libs $(NAME))

TIME ?= 60
run-fuzz: all $(FUZZERS)
	@$(ENV) && CHECKS="$(CURDIR)/$(CHECKS)" LUA="$(LUA)" \
	  spec/fuzz/run $(TIME)

run-soak: all
	@$(ENV) && LUA="$(LUA)" spec/soak/run $(TIME)

$(CHECKS)/trace.so: spec/coverage/trace.c | interpreter
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -shared -o $@ $<

# nginx has LuaJIT, for which headers of Lua 5.1 will do. BRANCHES=1 lists the
# branches of C that were not taken.
run-coverage: all $(CHECKS)/faults.so $(CHECKS)/host $(CHECKS)/netns.so $(CHECKS)/trace.so
	@$(MAKE) -s BUILD=$(BUILD)-coverage CFLAGS="-O0 -g --coverage" all
	@for lua in luajit lua5.1; do \
	  $(MAKE) -s LUA=$$lua BUILD=build/nginx build/nginx/checks/trace.so \
	    2>/dev/null && break; done || true
	@CHECKS="$(CURDIR)/$(CHECKS)" DGRAM_BUILD="$(BUILD)-coverage" LUA="$(LUA)" \
	  BRANCHES="$(BRANCHES)" spec/coverage/run

COUNT ?= 60
SEED ?= 1
run-mutate: all $(CHECKS)/faults.so $(CHECKS)/host $(CHECKS)/netns.so $(CHECKS)/trace.so
	@$(ENV) && CHECKS="$(CURDIR)/$(CHECKS)" LUA="$(LUA)" FILES="$(FILES)" JOBS="$(JOBS)" \
	  $(LUA) spec/mutate/mutate.lua $(COUNT) $(SEED)

# The newest Node, as a binary that npm brings for this checkout alone.
NEWEST_NODE = build/node/node_modules/node/bin/node

oracle: setup
	@$(MAKE) -s all
	@test -n "$(NODE)" || { command -v npm >/dev/null && nice npm install --silent \
	  --no-save --no-package-lock --prefix build/node node@latest; } || { \
	  echo "npm brings no Node: name one, make oracle NODE=node" >&2; exit 1; }
	@$(ENV) && NODE="$(or $(NODE),$(NEWEST_NODE))" nice $(LUA) spec/oracle/record.lua

check:
	@MAKE="$(MAKE)" spec/check

.PHONY: test-i386 test-musl oracle check check-setup fuzz-setup hosts-setup peers-setup \
  test-faults test-net test-peers sanitize fuzz soak coverage mutate \
  run-test-faults run-test-net run-test-peers run-sanitize run-sanitizers \
  run-fuzz run-soak run-coverage run-mutate
