# SPDX-License-Identifier: BSD-2-Clause
#
#   make                build/mscope, build/libmscope.a, build/libmscope.so
#   make demo           install what the build needs, build, run the main job
#   make check          install what the tests need, run every test
#   make check-fast     the same without the virtual machines
#   make unit tool vm   one part of the tests
#   make lint           every check of scripts/lint.py ("headers" and "layers" are two of them)
#   make format         lay the sources out as lint wants them
#   make bench fuzz     the figures; the parsers under a fuzzer
#   make matrix         every fault against every rule
#   make golden-update  write the expected results anew, to be read as a diff
#   make man dist deb install uninstall clean
#
# V=1 shows commands. SAN=1 builds into build-san/ with sanitizers. WERROR=1 makes warnings
# errors. USB=0 leaves libusb out. CC, CFLAGS, PREFIX, LIBDIR, MANDIR, DESTDIR as usual;
# PYTHONDIR is where the package for Python goes.

PYTHON  ?= /usr/bin/python3
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local
LIBDIR  ?= $(PREFIX)/lib
MANDIR  ?= $(PREFIX)/share/man
UDEVDIR ?= $(PREFIX)/lib/udev/rules.d
COMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
DOCDIR  ?= $(PREFIX)/share/doc/mscope
# Where Debian's Python looks by itself: /usr/lib/python3/dist-packages, or /usr/local/lib/python3.N/dist-packages.
PYTHONDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/lib/python3,$(PREFIX)/lib/python$(shell $(PYTHON) -c \
	'import sys; print("%d.%d" % sys.version_info[:2])'))/dist-packages
BUILD   := build$(if $(filter 1,$(SAN)),-san)
Q       := $(if $(V),,@)
VERSION := $(shell sed -n 's/^.define MSCOPE_VERSION "\(.*\)"/\1/p' lib/mscope.h)
SONAME  := libmscope.so.0

# What is found, never listed.
LIB_SRC  := $(sort $(wildcard lib/*/*.c lib/*/*/*.c lib/*/*/*/*.c))
TOOL_SRC := $(sort $(wildcard tool/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/*.c))
YAML     := $(sort $(wildcard scenarios/*/*.yaml))
# Manual pages that are made of docs/*.md; what is to be read beside them is installed as it is.
MD_MAN   := scenario.5 result.5 $(addsuffix .7,rules faults pacing firmware reference linux-gadget stm32 lsd hostile recorded)
DOC      := README.md NEWS.md $(sort $(wildcard docs/*.md docs/schema/*.json udev/*.example))
MAN      := $(patsubst docs/%.scd,$(BUILD)/man/%,$(sort $(wildcard docs/*.scd))) $(MD_MAN:%=$(BUILD)/man/mscope-%)
HTML     := lib/report/html/page.css $(sort $(wildcard lib/report/html/*.js))
UDEV     := $(wildcard udev/*.rules)
COMP     := $(wildcard completion/*.bash)
BENCH    := $(sort $(wildcard tests/bench/bench_*))
FUZZ     := $(sort $(wildcard tests/fuzz/fuzz_*.c))
# What is on the Live Storage Device: dread.exe too where there is a compiler for it, and what LSD_EXTRA names.
WINCC    ?= x86_64-w64-mingw32-gcc
DREAD    := $(if $(shell command -v $(WINCC)),$(BUILD)/dread.exe)
LSD_FILE := $(sort $(wildcard lib/firmware/lsd/files/*)) $(DREAD) $(LSD_EXTRA)

# Linked; of the others, libpcap and libtsk, only the headers are used: base/library.h loads them.
PKGS := jansson libfyaml libudev
LOADED := libpcap
ifeq ($(USB),0)
LIB_SRC := $(filter-out $(shell grep -lw 'libusb.h\|usb_device.h' $(LIB_SRC)),$(LIB_SRC))
NO_USB  := -DMSC_NO_LIBUSB
else
PKGS    += libusb-1.0
endif

BASE_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o) $(BUILD)/scenarios.o $(BUILD)/lsd_files.o $(BUILD)/html_page.o
LIB_OBJ  := $(BASE_OBJ) $(BUILD)/dictionary.o
TOOL_OBJ := $(TOOL_SRC:%.c=$(BUILD)/%.o)
UNIT_OBJ := $(UNIT_SRC:%.c=$(BUILD)/%.o)
UNIT_BIN := $(patsubst %.c,$(BUILD)/%,$(filter tests/unit/test_%,$(UNIT_SRC)))
FUZZ_BIN := $(FUZZ:%.c=$(BUILD)/%)
HELP_OBJ := $(filter-out $(UNIT_BIN:%=%.o),$(UNIT_OBJ))
# A line "/* nosan: REASON */" leaves a program out under the sanitizers.
UNIT_RUN  = $(if $(filter 1,$(SAN)),$(filter-out $(patsubst %.c,$(BUILD)/%,$(shell grep -l '^/\* nosan: ' $(UNIT_SRC))),$(UNIT_BIN)),$(UNIT_BIN))

# pkg-config is asked once, when a recipe first needs the answer.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PKGS) $(LOADED)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PKGS)) -lsgutils2 -lm)$(PKG_LIBS)

# clang finds what gcc 12 cannot: a registry entry that is missing from its .list file.
CLANG     := $(findstring clang,$(shell $(CC) --version 2>/dev/null))
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
WARN       = -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes \
             -Wno-missing-field-initializers $(if $(CLANG),-Wmissing-variable-declarations) $(if $(filter 1,$(WERROR)),-Werror)
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Ilib -DMSC_VERSION='"$(VERSION)"' \
             $(NO_USB) $(PKG_CFLAGS) -fPIC -fvisibility=hidden $(WARN) $(CFLAGS) $(if $(filter 1,$(SAN)),$(SAN_FLAGS))

# What every packet of a capture or of a simulated bus passes through is compiled once more for the program, which
# optimises it as one: a sixth of what decode takes. LTO= leaves that out; the libraries and the tests have ordinary
# objects.
LTO     := $(if $(CLANG)$(filter 1,$(SAN)),,-flto=2)
HOT_SRC := $(if $(LTO),$(filter lib/capture/% lib/record/% lib/scsi/% lib/wire/% lib/sim/% \
	lib/session/% lib/transport/% lib/firmware/% lib/base/% lib/timing/% lib/judge/judge.c lib/judge/clean.c \
	lib/report/decode% tool/decode%,$(LIB_SRC) $(TOOL_SRC)))
PROGRAM := $(HOT_SRC:%.c=$(BUILD)/hot/%.o) $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(HOT_SRC),$(TOOL_SRC)))

# What firmware that was built with -fsanitize-coverage calls (lib/base/coverage.h).
TO_FIRMWARE := -Wl,--export-dynamic-symbol='__sanitizer_cov_trace_pc*'

say   = $(if $(V),,printf '  %-5s %s\n' $1 $@;)
stamp = @mkdir -p $(@D) && echo '$1' | cmp -s - $@ || echo '$1' > $@
cc    = $(Q)$(call say,CC) mkdir -p $(@D) && $(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
link  = $(Q)$(call say,LINK) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@

all: $(BUILD)/mscope $(BUILD)/libmscope.a $(BUILD)/libmscope.so $(MAN)

# Stamps: changed flags recompile, a removed source archives and links anew.
$(BUILD)/flags: FORCE
	@pkg-config --print-errors --exists $(PKGS) $(LOADED) || { echo "missing libraries: run scripts/deps.sh build" >&2; exit 1; }
	$(call stamp,$(CC) $(ALL_CFLAGS))
$(BUILD)/objects: FORCE
	$(call stamp,$(LIB_OBJ) $(TOOL_OBJ) $(HELP_OBJ) $(LTO))
$(BUILD)/scenarios.list: FORCE
	$(call stamp,$(YAML))
$(BUILD)/lsd_files.list: FORCE
	$(call stamp,$(LSD_FILE))

$(BUILD)/lib/wire/%.o $(BUILD)/lib/capture/%.o: private WARN += -Wconversion
$(BUILD)/%.o: %.c $(BUILD)/flags
	$(cc)
$(BUILD)/hot/%.o: private ALL_CFLAGS += $(LTO)
$(BUILD)/hot/%.o: %.c $(BUILD)/flags
	$(cc)
$(BUILD)/scenarios.o: $(BUILD)/scenarios.c $(BUILD)/flags
	$(cc)
$(BUILD)/scenarios.c: scripts/embed.sh $(YAML) $(BUILD)/scenarios.list
	$(Q)$(call say,GEN) scripts/embed.sh $(YAML) > $@.tmp && mv $@.tmp $@
# The dictionary of causes is what a program of all the other objects finds in every fault. It changes
# with what a run consists of; dictionary.sh takes one that is there already if that is the same.
$(BUILD)/dictionary.o: $(BUILD)/dictionary.c $(BUILD)/flags
	$(cc)
$(BUILD)/dictionary.c: $(BUILD)/dictionary
	$(Q)$(call say,GEN) BUILD=$(BUILD) scripts/dictionary.sh $< $@
$(BUILD)/dictionary: $(BUILD)/scripts/dictionary.o $(BUILD)/libbase.a
	$(link) $< $(BUILD)/libbase.a $(PKG_LIBS)
$(BUILD)/libbase.a: $(BASE_OBJ) $(BUILD)/objects
	$(Q)$(call say,AR) rm -f $@ && $(AR) qcsT $@ $(BASE_OBJ)
$(BUILD)/lsd_files.o: $(BUILD)/lsd_files.c $(BUILD)/flags
	$(cc)
$(BUILD)/lsd_files.c: scripts/lsd-files.sh $(LSD_FILE) $(BUILD)/lsd_files.list
	$(Q)$(call say,GEN) scripts/lsd-files.sh $(LSD_FILE) > $@.tmp && mv $@.tmp $@
$(BUILD)/html_page.o: $(BUILD)/html_page.c $(BUILD)/flags
	$(cc)
$(BUILD)/html_page.c: scripts/embed-html.sh $(HTML)
	$(Q)$(call say,GEN) scripts/embed-html.sh $(HTML) > $@.tmp && mv $@.tmp $@
# 64 KiB are its share of the device; without a time stamp it is the same each time.
$(BUILD)/dread.exe: tool/windows/dread.c
	$(Q)$(call say,WINCC) mkdir -p $(@D) && $(WINCC) -Os -s -Wall -Wextra -Werror -ffreestanding -fno-stack-protector \
		-mno-stack-arg-probe -nostdlib -Wl,-e,start -Wl,--no-insert-timestamp -o $@.tmp $< -lkernel32 -lshell32
	$(Q)test $$(wc -c < $@.tmp) -lt 65536 && mv $@.tmp $@
$(BUILD)/libmscope.a: $(LIB_OBJ) $(BUILD)/objects
	$(Q)$(call say,AR) rm -f $@ && $(AR) qcs $@ $(LIB_OBJ)
$(BUILD)/libmscope.so: $(LIB_OBJ) $(BUILD)/objects
	$(link) -shared -Wl,-soname,$(SONAME) $(LIB_OBJ) $(PKG_LIBS) && ln -sf $(@F) $(@D)/$(SONAME)
$(BUILD)/mscope: $(PROGRAM) $(BUILD)/libmscope.a $(BUILD)/objects
	$(link) $(LTO) $(TO_FIRMWARE) $(PROGRAM) $(BUILD)/libmscope.a $(PKG_LIBS)
	$(Q)scripts/check-embedded.sh $@
# A line "/* link: FLAGS */" in a test adds flags to its own program, such as -Wl,--wrap=NAME.
$(BUILD)/tests/unit/test_%: $(BUILD)/tests/unit/test_%.o $(HELP_OBJ) $(BUILD)/libmscope.a
	$(link) $< $(HELP_OBJ) $(BUILD)/libmscope.a $(PKG_LIBS) -lcmocka \
		$$(sed -n 's,^/\* link: \(.*\) \*/$$,\1,p' tests/unit/test_$*.c)
# A fuzzer without libFuzzer, on its corpus.
$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/corpus.o $(BUILD)/libmscope.a
	$(link) $^ $(PKG_LIBS) -lcmocka
narrow = LC_ALL=C awk -f scripts/man-width.awk $@.tmp > $@ && rm $@.tmp
$(MAN): scripts/man-width.awk
$(BUILD)/man/%: docs/%.scd
	$(Q)$(call say,MAN) mkdir -p $(@D) && scdoc < $< > $@.tmp && $(narrow)
$(BUILD)/man/mscope-scenario.5: docs/scenarios.md
$(BUILD)/man/mscope-result.5: docs/results.md
$(MD_MAN:%=$(BUILD)/man/mscope-%): $(BUILD)/man/mscope-%: scripts/md-to-scd.awk
	$(Q)$(call say,MAN) mkdir -p $(@D) && awk -v page='mscope-$(basename $*)($(subst .,,$(suffix $*)))' \
		-f $< $(firstword $(wildcard docs/$(basename $*).md) docs/$(basename $*)s.md) | scdoc > $@.tmp && $(narrow)
$(foreach m,$(filter %.7,$(MD_MAN)),$(eval $(BUILD)/man/mscope-$m: docs/$(basename $m).md))
man: $(MAN)

# What a compiler that only looks at the code is given.
objects: $(BASE_OBJ) $(TOOL_OBJ) $(UNIT_OBJ) $(FUZZ:%.c=$(BUILD)/%.o)

# Tests. MSCOPE names the program for whatever drives it.
export PYTHON
export PYTHONDONTWRITEBYTECODE = 1
PYTEST = MSCOPE=$(abspath $(BUILD))/mscope $(PYTHON) -m pytest -q -p no:cacheprovider -n 2 --dist loadgroup
demo:
	@scripts/deps.sh build
	@+$(MAKE) --no-print-directory all
	@MSCOPE=$(BUILD)/mscope scripts/demo.sh
check:
	@scripts/deps.sh all && scripts/check.sh
check-fast:
	@scripts/deps.sh build test && scripts/check.sh fast
unit-programs: $(UNIT_RUN) $(FUZZ_BIN)
unit: $(UNIT_RUN) $(FUZZ_BIN)
	@scripts/unit.sh $^
tool vm: all
	$(Q)$(PYTEST) $(PYTESTFLAGS) tests/$@
matrix: all
	$(Q)$(PYTEST) -k matrix tests/tool
golden-update:
	@+MSC_GOLDEN_UPDATE=1 $(MAKE) --no-print-directory unit tool
lint: all
	$(Q)CFLAGS="$(PKG_CFLAGS) $(NO_USB)" BUILD=$(BUILD) $(PYTHON) scripts/lint.py $(CHECKS)
headers layers:
	$(Q)CFLAGS="$(PKG_CFLAGS) $(NO_USB)" $(PYTHON) scripts/lint.py $@
format:
	$(Q)$(PYTHON) scripts/format.py
bench: all
	$(Q)set -e; for b in $(BENCH); do MSCOPE=$(BUILD)/mscope $$b; done
ifneq ($(FUZZ),)
fuzz:
	$(Q)scripts/fuzz.sh $(FUZZ)
endif

# With what pip would write of it, so that pytest finds the plugin.
DISTINFO := mscope-$(VERSION).dist-info
install-python:
	install -d $(DESTDIR)$(PYTHONDIR)/mscope $(DESTDIR)$(PYTHONDIR)/$(DISTINFO)
	install -m 644 $(wildcard python/mscope/*.py) $(DESTDIR)$(PYTHONDIR)/mscope/
	printf 'Metadata-Version: 2.1\nName: mscope\nVersion: $(VERSION)\n' > $(DESTDIR)$(PYTHONDIR)/$(DISTINFO)/METADATA
	printf '[pytest11]\nmscope = mscope.pytest_plugin\n' > $(DESTDIR)$(PYTHONDIR)/$(DISTINFO)/entry_points.txt
install: all install-python
	install -d $(addprefix $(DESTDIR),$(PREFIX)/bin $(PREFIX)/include $(LIBDIR)/pkgconfig)
	install -m 755 $(BUILD)/mscope $(DESTDIR)$(PREFIX)/bin/
	$(if $(wildcard tool/read.c),ln -sf mscope $(DESTDIR)$(PREFIX)/bin/dread)
	install -m 644 lib/mscope.h lib/mscope_firmware.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(BUILD)/libmscope.a $(DESTDIR)$(LIBDIR)/
	install -m 755 $(BUILD)/libmscope.so $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libmscope.so
	sed 's|@PREFIX@|$(PREFIX)|;s|@LIBDIR@|$(LIBDIR)|;s|@VERSION@|$(VERSION)|;s|@PKGS@|$(PKGS)|' \
		scripts/mscope.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/mscope.pc
	$(foreach m,$(MAN),install -D -m 644 $m $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $m))/$(notdir $m) &&) :
	ln -sf mscope-read.1 $(DESTDIR)$(MANDIR)/man1/dread.1
	$(foreach u,$(UDEV),install -D -m 644 $u $(DESTDIR)$(UDEVDIR)/$(notdir $u) &&) :
	$(foreach c,$(COMP),install -D -m 644 $c $(DESTDIR)$(COMPDIR)/$(basename $(notdir $c)) &&) :
	install -D -m 644 completion/_mscope $(DESTDIR)$(ZSHDIR)/_mscope
	install -D -m 644 completion/mscope.fish $(DESTDIR)$(FISHDIR)/mscope.fish
	ln -sf mscope $(DESTDIR)$(COMPDIR)/dread && ln -sf mscope.fish $(DESTDIR)$(FISHDIR)/dread.fish
	$(foreach d,$(DOC),install -D -m 644 $d $(DESTDIR)$(DOCDIR)/$(patsubst udev/%,%,$(d:docs/%=%)) &&) :
	sed -i 's|](docs/|](|g;s|](\(\.\./\)*lib/mscope\.h)|](../../../include/mscope.h)|g;s|\[CONTRIBUTING.md\](CONTRIBUTING.md)|CONTRIBUTING.md of the source|' \
		$(DESTDIR)$(DOCDIR)/*.md
uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,bin/mscope bin/dread include/mscope.h include/mscope_firmware.h) \
		$(addprefix $(DESTDIR)$(LIBDIR)/,libmscope.a libmscope.so $(SONAME) pkgconfig/mscope.pc) \
		$(foreach m,$(MAN),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $m))/$(notdir $m)) $(DESTDIR)$(MANDIR)/man1/dread.1 \
		$(foreach u,$(UDEV),$(DESTDIR)$(UDEVDIR)/$(notdir $u)) \
		$(foreach c,$(COMP),$(DESTDIR)$(COMPDIR)/$(basename $(notdir $c))) \
		$(DESTDIR)$(COMPDIR)/dread $(DESTDIR)$(ZSHDIR)/_mscope $(addprefix $(DESTDIR)$(FISHDIR)/,mscope.fish dread.fish) \
		$(foreach d,$(DOC),$(DESTDIR)$(DOCDIR)/$(patsubst udev/%,%,$(d:docs/%=%)))
	rm -rf $(DESTDIR)$(PYTHONDIR)/mscope $(DESTDIR)$(PYTHONDIR)/$(DISTINFO)
dist: $(BUILD)/dictionary.c
	$(Q)mkdir -p $(BUILD) && git ls-files -co --exclude-standard | tar --owner=0 --group=0 \
		--sort=name --transform 's,^$(BUILD)/,,;s,^,mscope-$(VERSION)/,' \
		-czf $(BUILD)/mscope-$(VERSION).tar.gz -T - $(BUILD)/dictionary.c
# The Debian packages, from the archive of "make dist", into build/deb; lintian looks at them.
deb:
	@scripts/deps.sh build deb
	@+$(MAKE) --no-print-directory dist
	$(Q)rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb && tar xzf $(BUILD)/mscope-$(VERSION).tar.gz -C $(BUILD)/deb
	$(Q)cd $(BUILD)/deb/mscope-$(VERSION) && dpkg-buildpackage -us -uc -b
	$(Q)lintian --fail-on error,warning $(BUILD)/deb/*.changes
clean:
	rm -rf build build-*

FORCE:
.PHONY: FORCE all objects man demo check check-fast unit-programs unit tool vm matrix golden-update lint \
	headers layers format bench fuzz install install-python uninstall dist deb clean
.SECONDARY:
-include $(patsubst %.o,%.d,$(LIB_OBJ) $(TOOL_OBJ) $(PROGRAM) $(UNIT_OBJ) $(FUZZ_BIN:%=%.o) $(BUILD)/scripts/dictionary.o)
