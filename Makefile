# anyreach: build, test, install. `make help` lists the targets.

PREFIX  ?= /usr/local
DESTDIR ?=
ifeq ($(origin CC),default)
CC := gcc
endif
BUILD   ?= build

PACKAGES   := lua5.4 lua5.4-cjson libcurl yaml-0.1 sqlite3 libmicrohttpd
CFLAGS     ?= -O2 -g
WARNINGS   := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
CPPFLAGS   += -D_GNU_SOURCE -MMD -MP $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null) -Isrc
LIBRARIES  := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lm
ifdef DEV
CPPFLAGS   += -DANYREACH_SOURCE_DIR='"$(CURDIR)"'
endif
ALL_CFLAGS := -std=c11 $(CFLAGS) $(WARNINGS)

SOURCES  := $(wildcard src/*.c)
OBJECTS  := $(SOURCES:src/%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/embedded_files.o
EMBEDDED := $(sort $(shell find lua/anyreach scripts -type f))
PROGRAM  := $(BUILD)/anyreach

all: $(PROGRAM)

$(PROGRAM): $(OBJECTS)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBRARIES)

$(BUILD)/obj/%.o: src/%.c | $(BUILD)/obj
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -c -o $@ $<

$(BUILD)/obj/embedded_files.o: $(BUILD)/embedded_files.c
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -c -o $@ $<

$(BUILD)/embedded_files.c: $(BUILD)/embed $(EMBEDDED)
	$(BUILD)/embed $(EMBEDDED) > $@.new && mv $@.new $@

$(BUILD)/embed: src/gen/embed.c | $(BUILD)/obj
	$(CC) -std=c11 $(WARNINGS) -o $@ $<

$(BUILD)/obj:
	mkdir -p $@

clean:
	rm -rf build

-include $(wildcard $(BUILD)/obj/*.d)

.PHONY: all clean
