# anyreach: build, test, install. `make help` lists the targets; V=1 shows the commands.

PREFIX  ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC := gcc
endif
export CC
BUILD   ?= build

PACKAGES := lua5.4 lua5.4-cjson libcurl libcrypto yaml-0.1 sqlite3 libmicrohttpd libpcre2-8 libedit
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
# A warning is an error where this project is developed, not where it is only built: a compiler that is newer
# than this code may warn of more. WERROR=1 is what `make lint` and continuous integration say.
ifdef WERROR
WARNINGS += -Werror
endif
ifdef DEV
DEFINES  := -DANYREACH_SOURCE_DIR='"$(CURDIR)"'
endif

# Expanded only when a command runs, once `deps` has seen to it that pkg-config can answer.
LIBRARY_FLAGS  = $(shell pkg-config --cflags $(PACKAGES))
# What src/net and src/api get: no Lua, so that the compiler refuses a `#include <lua.h>` there.
CORE_FLAGS     = $(shell pkg-config --cflags libcurl libcrypto)
LIBRARIES      = $(shell pkg-config --libs $(PACKAGES)) -lm
# The allocator of the program, which is a tenth faster with it. Sanitizers bring their own.
ALLOCATOR     := $(if $(findstring -fsanitize,$(CFLAGS)),,-Wl,--no-as-needed -lmimalloc)
TEST_LIBRARIES = $(shell pkg-config --libs cmocka)
# What the caller says comes last, so that it wins.
COMPILE  = $(CC) -std=c11 $(WARNINGS) -D_GNU_SOURCE $(DEFINES) $(CPPFLAGS) $(CFLAGS)
say = $(if $(V),,@echo "  $(1)" &&)
COMPILE_OBJECT = $(call say,compile $<) mkdir -p $(@D) && $(COMPILE) $(OBJECT_FLAGS) -Isrc -MMD -MP -c -o $@ $<

EMBEDDED := $(sort $(shell find lua/anyreach scripts -type f -name "*.lua") src/gen/prelude.lua \
  $(wildcard lua/anyreach/cli/topics/*.md README.md lua/README.md scripts/README.md))
LAYERS   := api net lua terminal sandbox program
OBJECTS  := $(patsubst src/%.c,$(BUILD)/obj/%.o,$(wildcard $(LAYERS:%=src/%/*.c))) $(BUILD)/obj/embedded_files.o
FUZZERS  := $(patsubst tests/fuzz/%.c,%,$(filter-out tests/fuzz/fuzz.c,$(wildcard tests/fuzz/*.c)))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
PROGRAM  := $(BUILD)/anyreach
C_FILES  := $(wildcard src/*.h src/*/*.[ch] tests/unit/*.c tests/helpers/*.c tests/fuzz/*.[ch] \
  tests/torture/*.[ch] tests/bench/*.c)
SHELL_FILES := .ci/run .ci/deps $(wildcard tests/*.sh tests/*/*.sh)

all: $(PROGRAM) ## build the program

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

# {====== the program ======

$(PROGRAM): $(OBJECTS)
	$(call say,link $@) $(COMPILE) $(LDFLAGS) -o $@ $^ $(ALLOCATOR) $(LIBRARIES)

$(BUILD)/obj/%.o: OBJECT_FLAGS = $(LIBRARY_FLAGS)
$(BUILD)/obj/api/%.o $(BUILD)/obj/net/%.o: OBJECT_FLAGS = $(CORE_FLAGS)
$(BUILD)/obj/%.o: src/%.c $(BUILD)/settings
	$(COMPILE_OBJECT)

$(BUILD)/obj/embedded_files.o: $(BUILD)/embedded_files.c
	$(COMPILE_OBJECT)

$(BUILD)/embedded_files.c: $(BUILD)/embed $(EMBEDDED) $(BUILD)/embedded_names
	@$(BUILD)/embed $(EMBEDDED) > $@.new && mv $@.new $@

$(BUILD)/embed: src/gen/embed.c src/lua/modules.h $(BUILD)/settings
	$(call say,build $@) $(COMPILE) $(LIBRARY_FLAGS) -Isrc -o $@ $< $(LDFLAGS) $(LIBRARIES)

# Files that change only when what they hold does: how things are built, and which files go in.
$(BUILD)/settings: HOLDS := $(COMPILE) $(ALLOCATOR) $(LDFLAGS)
$(BUILD)/embedded_names: HOLDS := $(EMBEDDED)
$(BUILD)/settings $(BUILD)/embedded_names: always | deps
	@mkdir -p $(BUILD)/obj $(BUILD)/unit $(BUILD)/tests
	@echo '$(subst ','\'',$(HOLDS))' | cmp -s - $@ || echo '$(subst ','\'',$(HOLDS))' > $@

deps: ## install what the build needs, if it is missing
	@.ci/deps build

deps-test: ## … and what the tests need
	@.ci/deps build test

# }======

# {====== tests ======

VALGRIND ?= yes

demo: $(PROGRAM) ## provision the example clinic against the sandbox, twice
	@rm -f $(BUILD)/demo.db* scripts/examples/clinic/agents/anyreach.lock
	@echo "Three agents of a clinic, provisioned against the built-in sandbox:"
	$(DEMO)
	@echo "Once more: the sandbox has kept its state, so nothing changes:"
	$(DEMO)

DEMO = $(PROGRAM) --sandbox=$(BUILD)/demo.db run provision scripts/examples/clinic/agents

test: deps-test ## run the whole suite, or those of TESTS ("unit/test_url spec/json")
	@$(MAKE) --no-print-directory test-programs
	@tests/helpers/json_schema_suite.sh $(BUILD)/json-schema-suite
	@VALGRIND=$(VALGRIND) tests/run.sh $(BUILD)

test-programs: $(PROGRAM) $(UNIT_TESTS) $(BUILD)/tests/wire_server $(BUILD)/tests/storm_client

# All objects but main's; the linker takes what a test needs.
$(BUILD)/unit/anyreach.a: $(filter-out %/program/main.o,$(OBJECTS))
	@rm -f $@
	@ar qcs $@ $^

# Its system calls are made to fail, or to kill the process.
FILE_CALLS := open flock fstat fchown fchmod write fsync link rename unlink
$(BUILD)/unit/test_file_write: private LDFLAGS += $(FILE_CALLS:%=-Wl,--wrap=%)

# Its Lua is made to look like another.
LUA_CALLS := dlsym lua_dump luaL_loadbufferx
$(BUILD)/unit/test_modules: private LDFLAGS += $(LUA_CALLS:%=-Wl,--wrap=%)

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/unit/anyreach.a
	$(call say,build $@) $(COMPILE) $(LIBRARY_FLAGS) -Isrc -o $@ $< $(LDFLAGS) $(BUILD)/unit/anyreach.a \
	  $(LIBRARIES) $(TEST_LIBRARIES)

$(BUILD)/tests/%: tests/helpers/%.c $(BUILD)/settings
	$(call say,build $@) $(COMPILE) -o $@ $< $(LDFLAGS)

# Any report of a sanitizer ends the program, so that a test sees it.
SANITIZED := BUILD=build/asan CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
asan: ## run the whole suite (or TESTS) with AddressSanitizer and UBSan
	@ASAN_OPTIONS=detect_leaks=1 $(MAKE) --no-print-directory test build/asan/torture VALGRIND=no $(SANITIZED)

# A fuzzer is built in one step with what fuzzers share. The counters of libFuzzer's extra section must
# stand in the program itself.
FUZZ_SECONDS ?= 60
fuzz: ## run each fuzzer (or those of FUZZERS) for FUZZ_SECONDS (60)
	@.ci/deps build fuzz
	@$(MAKE) --no-print-directory fuzz-programs BUILD=build/fuzz CC=clang \
	  CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all"
	@tests/fuzz/run.sh build/fuzz $(FUZZ_SECONDS) $(FUZZERS)

fuzz-programs: $(PROGRAM) $(FUZZERS:%=$(BUILD)/fuzz/%)

$(BUILD)/fuzz/%: tests/fuzz/%.c tests/fuzz/fuzz.c tests/fuzz/fuzz.h $(BUILD)/unit/anyreach.a
	@mkdir -p $(@D)
	$(COMPILE) $(LIBRARY_FLAGS) -Isrc -DFUZZ_DIRECTORY='"$(CURDIR)/tests/fuzz"' -fsanitize=fuzzer -o $@ $< \
	  tests/fuzz/fuzz.c $(LDFLAGS) $(BUILD)/unit/anyreach.a $(LIBRARIES)

torture: deps ## run what the program does while memory runs out, at every place
	@$(MAKE) --no-print-directory build/asan/torture $(SANITIZED)
	@build/asan/torture 2>build/asan/torture.log || { tail -n 60 build/asan/torture.log; false; }

WRAPPED := malloc calloc realloc strdup free luaL_newstate
$(BUILD)/torture: $(wildcard tests/torture/*.[ch]) $(BUILD)/unit/anyreach.a
	$(call say,build $@) $(COMPILE) $(LIBRARY_FLAGS) -Isrc -o $@ $(filter %.c,$^) $(WRAPPED:%=-Wl,--wrap=%) \
	  $(LDFLAGS) $(BUILD)/unit/anyreach.a $(LIBRARIES)

bench: ## measure speed beside other clients, as ratios in one table (or its groups ROWS="json start")
	@.ci/deps build bench
	@$(MAKE) --no-print-directory $(PROGRAM) $(BENCH_PROGRAMS)
	@/usr/bin/python3 -B tests/bench/bench.py $(BUILD) $(ROWS)

BENCH_PROGRAMS := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c)) $(BUILD)/bench/bound
# With all libraries, whether they are used or not: starting costs what loading them costs.
$(BUILD)/bench/%: tests/bench/%.c $(BUILD)/settings
	@mkdir -p $(@D)
	$(call say,build $@) $(COMPILE) $(LIBRARY_FLAGS) -o $@ $< $(LDFLAGS) -Wl,--no-as-needed $(LIBRARIES)

# The upper bound of a scripted client: plain C with the program's JSON and allocator.
$(BUILD)/bench/bound: tests/bench/plain.c $(BUILD)/unit/anyreach.a
	@mkdir -p $(@D)
	$(call say,build $@) $(COMPILE) $(LIBRARY_FLAGS) -Isrc -DWITH_JSON -o $@ $< $(LDFLAGS) $(BUILD)/unit/anyreach.a \
	  $(ALLOCATOR) $(LIBRARIES)

stress-gc: deps-test ## run the specs (or TESTS) with sanitizers while Lua's collector works nearly all the time
	@$(MAKE) --no-print-directory test-programs $(SANITIZED)
	@tests/stress_gc.sh build/asan

mutate: $(PROGRAM) deps-test ## change FILE (or retry, guard, paging …) bit by bit: which changes does no test notice?
	@$(PROGRAM) tests/mutate/mutate.lua $(if $(LINES),--lines $(LINES)) $(FILE) $(TESTS)

SOAK_REQUESTS ?= 100000
soak: $(PROGRAM) deps-test ## send SOAK_REQUESTS (100,000) requests to the sandbox in one process: nothing may grow
	@TEST_BUILD=$(BUILD) LEAK_REQUESTS=$(SOAK_REQUESTS) $(PROGRAM) tests/run.lua tests/e2e/leak_spec.lua

check-generated: $(PROGRAM) ## compare the committed generated files with what src/gen writes
	@tests/helpers/check_generated.sh $(BUILD)

generate: $(PROGRAM) ## write the generated files anew
	@$(PROGRAM) src/gen/generate.lua .

lint: deps-test ## check layout, style and the OpenAPI documents; build with clang and gcc without a warning
	@.ci/deps lint
	clang-format --dry-run --Werror $(C_FILES)
	luacheck --quiet --no-color lua src tests scripts
	shellcheck $(SHELL_FILES)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=warning,performance,portability \
	  --suppress=missingIncludeSystem -D_GNU_SOURCE -Isrc src tests/helpers tests/bench
	tests/helpers/lint_openapi.sh build/openapi-lint
	@$(MAKE) --no-print-directory test-programs BUILD=build/lint/clang CC=clang WERROR=1
	@$(MAKE) --no-print-directory test-programs BUILD=build/lint/gcc CC=gcc WERROR=1

# }======

# {====== installing ======

# Below PREFIX, as it stands in the build directory.
MANUAL      := share/man/man1/anyreach.1
COMPLETIONS := share/bash-completion/completions/anyreach share/zsh/site-functions/_anyreach \
  share/fish/vendor_completions.d/anyreach.fish
SHARED      := $(MANUAL) $(COMPLETIONS)

install: $(PROGRAM) $(SHARED:%=$(BUILD)/%) ## install below PREFIX (/usr/local); DESTDIR stands before it
	install -D -m 755 $(PROGRAM) "$(DESTDIR)$(PREFIX)/bin/anyreach"
	@for file in $(SHARED); do \
	  (set -x; install -D -m 644 $(BUILD)/$$file "$(DESTDIR)$(PREFIX)/$$file") || exit; done

uninstall: ## remove what install has put there
	@for file in bin/anyreach $(SHARED); do (set -x; rm -f "$(DESTDIR)$(PREFIX)/$$file") || exit; done

# Written by the program itself, without the settings of whoever builds it.
OWN_WORDS = $(call say,write $@) mkdir -p $(@D) && env -i $(PROGRAM)

$(BUILD)/$(MANUAL): $(PROGRAM) src/gen/manual.lua src/gen/roff.lua
	$(OWN_WORDS) src/gen/manual.lua > $@.new && mv $@.new $@
$(BUILD)/share/bash-completion/%: SHELL_NAME := bash
$(BUILD)/share/zsh/%: SHELL_NAME := zsh
$(BUILD)/share/fish/%: SHELL_NAME := fish
$(COMPLETIONS:%=$(BUILD)/%): $(PROGRAM)
	$(OWN_WORDS) completion $(SHELL_NAME) > $@.new && mv $@.new $@

# }======

clean: ## remove what was built
	rm -rf $(BUILD)

-include $(OBJECTS:.o=.d)

.PHONY: all help deps deps-test demo test test-programs asan fuzz fuzz-programs torture bench mutate check-generated generate lint install \
  uninstall clean always
