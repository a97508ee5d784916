# Eft: one Makefile for everything; `make help` lists the targets.
#
# Nothing is built outside $(BUILD).  A variant (asan, ubsan, tsan, coverage) is this same
# Makefile run with another BUILD and VARIANT; there is no other recursion.

BUILD ?= build
ifneq ($(words $(BUILD)),1)
$(error BUILD is one word: a directory whose name has no blanks)
endif
VARIANT ?= debug
PREFIX ?= /usr/local
DESTDIR ?=
CLANG ?= clang
CC = $(if $(filter fuzz,$(VARIANT)),$(CLANG),gcc)
MUSL_CC ?= musl-gcc
PYTHON ?= python3
GDB_SCRIPT := src/debug/gdb/eft.py

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# One short line for each step; `make V=1` shows the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s%s\n' '$(1)' '$(2)')

# ---- Packages ---------------------------------------------------------------------------------
# Debian packages by what needs them.  `.ci/packages` installs what is missing, when it may.

PACKAGES_BUILD := gcc libc6-dev binutils make python3 libelf-dev libdw-dev musl-tools
PACKAGES_QEMU := qemu-system-x86
PACKAGES_IMAGE := grub-common grub-pc-bin grub-efi-amd64-bin xorriso mtools ovmf
PACKAGES_TEST := $(PACKAGES_BUILD) $(PACKAGES_QEMU) pkg-config check busybox-static gdb \
        tmux
PACKAGES_ANALYZE := clang clang-tidy cppcheck
PACKAGES_FUZZ := clang libclang-rt-dev
PACKAGES_OUTSIDE := libcap-dev libpopt-dev stress-ng

# ---- Flags ------------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wundef -Wvla -Wswitch-enum -Wimplicit-fallthrough -Wcast-qual -Wwrite-strings \
        -Wpointer-arith
# What all of Eft's C is compiled with, whatever the variant.
COMMON_FLAGS := -g $(WARNINGS) -fno-common -fno-omit-frame-pointer -fno-strict-aliasing -fPIE \
        -Isrc -MMD -MP
CORE_FLAGS := -std=c11 -ffreestanding -fno-stack-protector -mgeneral-regs-only $(COMMON_FLAGS)
SIM_FLAGS := -std=gnu11 -D_GNU_SOURCE -fno-stack-protector $(COMMON_FLAGS) -Isim
# Tests may use all of libc; -Wno-... : libcheck's macros compare through wider types.
TEST_FLAGS := -std=gnu11 -D_GNU_SOURCE $(COMMON_FLAGS) -Itests -Isim
SIM_LIBRARIES := -lpthread
TEST_LIBRARIES = $(shell pkg-config --libs check)

VARIANT_FLAGS_debug := -O2
VARIANT_FLAGS_asan := -O1 -fsanitize=address
VARIANT_FLAGS_ubsan := -O1 -fsanitize=undefined -fno-sanitize-recover=all
VARIANT_FLAGS_sanitize := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
VARIANT_FLAGS_tsan := -O1 -fsanitize=thread
VARIANT_FLAGS_coverage := -O0 --coverage -DEFT_MARKS
VARIANT_FLAGS_fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
VARIANT_FLAGS := $(VARIANT_FLAGS_$(VARIANT))
ifneq ($(filter asan sanitize,$(VARIANT)),)
# A kernel thread that ends leaves its stack without returning, and what it has marked there stays
# marked when the page is used for something else.
CORE_FLAGS += --param asan-stack=0
endif
ifeq ($(filter debug fuzz,$(VARIANT)),)
# Instrumented code confuses this warning.
VARIANT_FLAGS += -Wno-maybe-uninitialized
endif
ifeq ($(VARIANT_FLAGS),)
$(error VARIANT=$(VARIANT) is not one of debug asan ubsan sanitize tsan coverage fuzz)
endif

# ---- Sources ----------------------------------------------------------------------------------

find = $(sort $(shell find $(1) -name '$(2)' -not -path 'src/machine/x86_64/*' 2>/dev/null))

HEADERS := $(call find,src,*.h)
CORE_SOURCES := $(filter-out src/lib/memory.c,$(call find,src,*.c))
SIM_SOURCES := $(call find,sim,*.c) $(call find,sim,*.S)
HARNESS_SOURCES := $(filter-out %/asan_options.c,$(call find,tests/harness,*.c))
UNIT_TESTS := $(call find,tests/unit,*_test.c)
MODEL_TESTS := $(call find,tests/model,*_test.c)
PORT_TESTS := $(call find,tests/port,*_test.c)
TESTS := $(UNIT_TESTS) $(MODEL_TESTS) $(PORT_TESTS)

# src/lib/heap.c -> $(OBJECTS)/src/lib/heap.o; build/sim is the program, so objects live apart.
OBJECTS := $(BUILD)/objects
objects = $(patsubst %,$(OBJECTS)/%.o,$(1:.c=))
CORE_OBJECTS := $(call objects,$(CORE_SOURCES))
MEMORY_OBJECT := $(OBJECTS)/src/lib/memory.o
SIM_OBJECTS := $(call objects,$(SIM_SOURCES))
HARNESS_OBJECTS := $(call objects,$(HARNESS_SOURCES))
UNIT_PROGRAMS := $(UNIT_TESTS:%.c=$(BUILD)/%)
MODEL_PROGRAMS := $(MODEL_TESTS:%.c=$(BUILD)/%)
TEST_PROGRAMS := $(TESTS:%.c=$(BUILD)/%)

# Every object waits for the packages, but only when the goal is one that installs them.
INSTALLING_GOALS := run qemu qemu-gdb test bench gdb asan ubsan sanitize tsan analyze coverage \
        fuzz conformance outside deps
PACKAGES_STAMP := $(BUILD)/packages.stamp
PACKAGES_READY := $(if $(filter $(INSTALLING_GOALS),$(MAKECMDGOALS)),$(PACKAGES_STAMP))

.PHONY: all
all: sim guests    ## the hosted kernel and the guest programs

# ---- The core: freestanding, one relocatable object -------------------------------------------

$(OBJECTS)/src/%.o: src/%.c Makefile | $(PACKAGES_READY)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CORE_FLAGS) $(VARIANT_FLAGS) -c $< -o $@

# Must not become calls of the functions that it defines.
$(MEMORY_OBJECT): CORE_FLAGS += -fno-builtin

# The vDSO: code that the kernel puts into its programs, linked alone, and then data of the core.
VDSO_FLAGS := -std=gnu11 -O2 -g $(WARNINGS) -ffreestanding -fPIC -fno-stack-protector \
        -fcf-protection=none -fno-omit-frame-pointer -fasynchronous-unwind-tables -mno-red-zone \
        -mgeneral-regs-only -fvisibility=hidden -Isrc -MMD -MP
VDSO_LINK := -shared -nostdlib -Wl,-soname=linux-vdso.so.1 -Wl,--hash-style=both \
        -Wl,--build-id=none -Wl,-Bsymbolic -Wl,--no-undefined -Wl,--eh-frame-hdr \
        -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,-T,guests/vdso/vdso.ld
VDSO_OBJECT := $(OBJECTS)/vdso/image.o

$(BUILD)/vdso.so: guests/vdso/vdso.c guests/vdso/vdso.ld Makefile | $(PACKAGES_READY)
	@mkdir -p $(@D) $(OBJECTS)/vdso
	$(call say,VDSO,$@)
	$(Q)$(CC) $(VDSO_FLAGS) -MT $@ -MF $(OBJECTS)/vdso/vdso.d $(VDSO_LINK) -o $@ $<

$(VDSO_OBJECT): $(BUILD)/vdso.so
	$(Q)objcopy --strip-debug $< $(OBJECTS)/vdso/vdso_image
	$(Q)cd $(OBJECTS)/vdso && objcopy -I binary -O elf64-x86-64 -B i386:x86-64 \
	        --rename-section .data=.rodata,alloc,load,readonly,data,contents \
	        --set-section-alignment .data=16 \
	        --redefine-sym _binary_vdso_image_start=vdso_image \
	        --redefine-sym _binary_vdso_image_end=vdso_image_end \
	        --strip-symbol _binary_vdso_image_size --add-section .note.GNU-stack=/dev/null \
	        vdso_image $(@F)

# Variables of $(1) in sections of their own, which the linker bounds by symbols: a search winds
# them back (sim/search/snapshot.c).
sections = --rename-section .bss=$(1)_bss --rename-section .data=$(1)_data \
        --rename-section .data.rel=$(1)_data --rename-section .data.rel.local=$(1)_data

# The names that a port may call are those that machine.h declares and the port does not define.
# All others become local, so that no name of the core can meet one of the C library's.
$(BUILD)/core.exports: src/machine/machine.h Makefile
	@mkdir -p $(@D)
	$(Q)sed -n 's/^[a-z_A-Z][^(]*[ *]\([a-z_]*\)(.*/\1/p' $< | grep -v '^machine_' > $@

$(BUILD)/core-all-names.o: $(CORE_OBJECTS) $(VDSO_OBJECT)
	$(call say,LD,$@)
	$(Q)$(LD) -r -o $@ $(CORE_OBJECTS) $(VDSO_OBJECT)

$(BUILD)/core.o: $(BUILD)/core-all-names.o $(BUILD)/core.exports
	$(Q)objcopy --keep-global-symbols=$(BUILD)/core.exports $(call sections,core) $< $@

# ---- The hosted machine -----------------------------------------------------------------------

# Not wound back by a search: its own files, and what knows things of the host that stay.
SIM_TIMELESS := $(call objects,$(call find,sim/search,*.c) $(call find,sim,timeline*.c) \
        $(addprefix sim/,code_copy.c direct_call.c hostfs_server.c int80.c libdw.c options.c \
        options_repeat.c populate.c reports.c symbols.c watcher.c))
rename_sections = $(if $(filter $@,$(SIM_TIMELESS)),,$(Q)objcopy $(call sections,sim) $@)

$(OBJECTS)/sim/timeline_page.S.o: sim/timeline_page.html sim/timeline_svg.js

$(OBJECTS)/sim/%.o: sim/%.c Makefile | $(PACKAGES_READY)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(SIM_FLAGS) $(VARIANT_FLAGS) -c $< -o $@
	$(rename_sections)

$(OBJECTS)/sim/%.S.o: sim/%.S Makefile | $(PACKAGES_READY)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(SIM_FLAGS) -c $< -o $@
	$(rename_sections)

ifneq ($(filter asan sanitize,$(VARIANT)),)
SIM_OBJECTS += $(OBJECTS)/tests/harness/asan_options.o
endif

# Position independent: the guest window is the low 2 GiB, where such a program never is.
$(BUILD)/sim: $(SIM_OBJECTS) $(BUILD)/core.o
	$(call say,LINK,$@)
	$(Q)$(CC) -pie $(VARIANT_FLAGS) -o $@ $^ $(SIM_LIBRARIES)

.PHONY: sim
sim: $(BUILD)/sim    ## the hosted kernel alone

# The same with other files in place of some of the core's (tests/scenario).
CHANGED_SIMS := $(BUILD)/sim-broken $(BUILD)/sim-checked
SCENARIO_SOURCES := $(call find,tests/scenario,*.c)

$(OBJECTS)/tests/scenario/%.o: tests/scenario/%.c Makefile | $(PACKAGES_READY)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CORE_FLAGS) $(VARIANT_FLAGS) -c $< -o $@

# $(1) what is different, $(2) the files of src/ that are left out, $(3) those that take their place
define changed_sim_rule
$(BUILD)/core-$(1).o: $(filter-out $(call objects,$(2)),$(CORE_OBJECTS)) $(call objects,$(3)) \
                $(VDSO_OBJECT) $(BUILD)/core.exports
	$(Q)$(LD) -r -o $$@ $$(filter %.o,$$^)
	$(Q)objcopy --keep-global-symbols=$(BUILD)/core.exports $(call sections,core) $$@

$(BUILD)/sim-$(1): $(SIM_OBJECTS) $(BUILD)/core-$(1).o
	$$(call say,LINK,$$@)
	$(Q)$(CC) -pie $(VARIANT_FLAGS) -o $$@ $$^ $(SIM_LIBRARIES)
endef
# With one mistake in it, which a search must find.
$(eval $(call changed_sim_rule,broken,src/sync/wait_queue.c,tests/scenario/wait_queue_broken.c))
# With a look at what must hold before each operation of a seeded run.
$(eval $(call changed_sim_rule,checked,src/sched/choice.c src/futex/queue.c src/sync/pi_mutex.c,\
        $(addprefix tests/scenario/,choice_checked.c futex_queue_checked.c invariants.c \
        pi_mutex_checked.c)))

# ---- The x86-64 machine: build/eft.elf, for QEMU -----------------------------------------------
# The core once more, at the top of the address space: other code model, no red zone (interrupts
# use the stack that they find).

X86_64_FLAGS := -fno-pie -mcmodel=kernel -mno-red-zone -fcf-protection=none \
        -fno-asynchronous-unwind-tables
X86_64_OBJECTS_AT := $(BUILD)/objects-x86_64
X86_64_C := $(CORE_SOURCES) src/lib/memory.c $(sort $(wildcard src/machine/x86_64/*.c))
X86_64_S := $(sort $(wildcard src/machine/x86_64/*.S))
X86_64_OBJECTS := $(patsubst %,$(X86_64_OBJECTS_AT)/%.o,$(X86_64_C:.c=) $(X86_64_S))

$(X86_64_OBJECTS_AT)/%.o: %.c Makefile | $(PACKAGES_READY)
	@mkdir -p $(@D)
	$(call say,CC,$< (x86-64))
	$(Q)$(CC) $(CORE_FLAGS) $(X86_64_FLAGS) -O2 -c $< -o $@

$(X86_64_OBJECTS_AT)/src/lib/memory.o: X86_64_FLAGS += -fno-builtin

$(X86_64_OBJECTS_AT)/%.S.o: %.S Makefile | $(PACKAGES_READY)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -Isrc -g -MMD -MP -c $< -o $@

$(X86_64_OBJECTS_AT)/linker.ld: src/machine/x86_64/linker.ld src/machine/x86_64/layout.h Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) -E -P -x assembler-with-cpp -Isrc/machine/x86_64 $< -o $@

# Linked twice: then it knows the names of its functions (function_names.c).
X86_64_PARTS := $(X86_64_OBJECTS) $(VDSO_OBJECT)
X86_64_LINK = $(LD) -nostdlib -static -z max-page-size=4096 -z noexecstack -T \
        $(X86_64_OBJECTS_AT)/linker.ld -o $@

$(X86_64_OBJECTS_AT)/unnamed.elf: $(X86_64_PARTS) $(X86_64_OBJECTS_AT)/linker.ld
	$(Q)$(X86_64_LINK) $(X86_64_PARTS)

$(X86_64_OBJECTS_AT)/function_names.o: $(X86_64_OBJECTS_AT)/unnamed.elf \
        src/machine/x86_64/function_names.awk
	$(Q)nm -n --defined-only $< | awk -f src/machine/x86_64/function_names.awk | \
	        $(CC) -x assembler -c - -o $@

$(BUILD)/eft.elf: $(X86_64_OBJECTS_AT)/function_names.o
	$(call say,LD,$@)
	$(Q)$(X86_64_LINK) $(X86_64_PARTS) $<

EFT_QEMU_SOURCES := $(sort $(wildcard src/machine/x86_64/runner/*.py))
$(BUILD)/eft-qemu: $(EFT_QEMU_SOURCES)
	@mkdir -p $(@D)/eft-qemu.files
	$(Q)cp $(EFT_QEMU_SOURCES) $(@D)/eft-qemu.files
	$(Q)$(PYTHON) -m zipapp -p '/usr/bin/env python3' -o $@ $(@D)/eft-qemu.files

.PHONY: eft qemu qemu-gdb image
# --timeline lets the hosted kernel's program draw.
eft: $(BUILD)/eft.elf $(BUILD)/eft-qemu $(BUILD)/sim    ## the kernel for QEMU, and its runner

image: deps eft guests    ## build/eft.iso: GUEST with ARGS, for a PC with BIOS or UEFI
	@.ci/packages $(PACKAGES_IMAGE)
	@$(BUILD)/eft-qemu --image=$(BUILD)/eft.iso $(GUEST) $(ARGS)

QEMU_SHELL := --root / /bin/busybox sh
qemu: deps eft guests    ## GUEST with ARGS inside the kernel on QEMU; without GUEST a shell
	@$(BUILD)/eft-qemu $(if $(filter file,$(origin GUEST)),$(QEMU_SHELL),$(GUEST) $(ARGS))

qemu-gdb: deps eft guests    ## the same under gdb, with our commands loaded
	gdb -q -x $(GDB_SCRIPT) -ex 'eft qemu $(BUILD)/eft-qemu $(GUEST) $(ARGS)' $(BUILD)/eft.elf

# ---- End of the x86-64 section ----------------------------------------------------------------

# ---- Guests (programs that run inside) --------------------------------------------------------
# A program NAME is made of guests/linux/NAME.c and guests/linux/NAME_*.c.
#   GUESTS_FREESTANDING   with guests/lib instead of a C library -> $(BUILD)/guests/NAME.elf
#   GUESTS_GLIBC          static, Debian's C library            -> $(BUILD)/guests/NAME.elf
#   GUESTS_GLIBC_PIE      the same, position independent        -> $(BUILD)/guests/NAME_pie.elf
#   GUESTS_MUSL           static, musl                          -> $(BUILD)/guests/NAME_musl.elf
#   GUESTS_MUSL_PIE       the same, position independent        -> $(BUILD)/guests/NAME_musl_pie.elf
# A name may stand in several lists.

GUESTS_FREESTANDING := hello wild behave
GUESTS_GLIBC := probe crash
GUESTS_GLIBC_PIE := probe
GUESTS_MUSL := probe
GUESTS_MUSL_PIE := probe

GUEST_FLAGS := -O2 -g -Wall -Wextra -Werror -Wshadow -fno-omit-frame-pointer
GUEST_FREESTANDING_FLAGS := -static -std=gnu11 -ffreestanding -nostdlib -fno-stack-protector \
        -fno-pie -no-pie -Iguests/lib -Isrc -fno-tree-loop-distribute-patterns -Wl,--build-id=none
GUEST_LIBRARY := $(wildcard guests/lib/*.c)
GUEST_HEADERS := $(wildcard guests/lib/*.h guests/linux/*.h)
guest_sources = $(sort $(wildcard guests/linux/$(1).c guests/linux/$(1)_*.c))

# musl's compiler wrapper does not know -static-pie: its start files are named by hand.  The
# compiler is asked when it is used: it may not be installed before.
MUSL_FILES := /usr/lib/x86_64-linux-musl
MUSL_PIE_START = $(MUSL_FILES)/rcrt1.o $(MUSL_FILES)/crti.o \
        $(shell $(CC) -print-file-name=crtbeginS.o)
MUSL_PIE_END = $(shell $(CC) -print-file-name=crtendS.o) $(MUSL_FILES)/crtn.o
MUSL_PIE_FLAGS = -std=gnu11 -static -fPIE -nostartfiles -Wl,-pie,--no-dynamic-linker,-z,text \
        $(MUSL_PIE_START)

# $(1) file name without suffix, $(2) sources, $(3) compiler, $(4) more flags, $(5) to link
define guest_rule
GUEST_PROGRAMS += $(BUILD)/guests/$(1).elf
$(BUILD)/guests/$(1).elf: $(2) $(GUEST_HEADERS) Makefile | $(PACKAGES_READY)
	@mkdir -p $$(@D)
	$$(call say,GUEST,$$@)
	$(Q)$(3) $(GUEST_FLAGS) $(4) -o $$@ $(2) $(5)
endef
freestanding_rule = $(call guest_rule,$(1),$(2) $(GUEST_LIBRARY),$(CC),$(GUEST_FREESTANDING_FLAGS))
glibc_rule = $(call guest_rule,$(1),$(2),$(CC),-std=gnu11 -static -pthread,-lm)
$(foreach name,$(GUESTS_FREESTANDING),$(eval $(call \
        freestanding_rule,$(name),$(call guest_sources,$(name)))))
$(foreach name,$(GUESTS_GLIBC),$(eval $(call glibc_rule,$(name),$(call guest_sources,$(name)))))
$(foreach name,$(GUESTS_GLIBC_PIE),$(eval $(call guest_rule,$(name)_pie,$(call \
        guest_sources,$(name)),$(CC),-std=gnu11 -static-pie -fPIE -pthread,-lm)))
$(foreach name,$(GUESTS_MUSL),$(eval $(call guest_rule,$(name)_musl,$(call \
        guest_sources,$(name)),$(MUSL_CC),-std=gnu11 -static)))
$(foreach name,$(GUESTS_MUSL_PIE),$(eval $(call guest_rule,$(name)_musl_pie,$(call \
        guest_sources,$(name)),$(MUSL_CC),$$(MUSL_PIE_FLAGS),$$(MUSL_PIE_END))))

# The guests that fuzz system calls and measure them live with the scripts that start them.
FUZZ_GUEST := $(addprefix tests/fuzz/fuzz_,calls.c values.c guard.c)
$(eval $(call freestanding_rule,fuzz_calls,$(FUZZ_GUEST)))
$(BUILD)/guests/wild.elf $(BUILD)/guests/fuzz_calls.elf: tests/fuzz/fuzz_calls.h \
        $(wildcard src/abi/linux/*.def) src/abi/linux/descriptors.h src/abi/linux/arguments.h
$(eval $(call glibc_rule,measure,$(wildcard tests/performance/measure*.c)))

# Programs of the teaching ABI: NAME is made of guests/teaching/NAME.c and NAME_*.c, and is built
# plain and by eft-cc, whose basic blocks count:
#   $(BUILD)/guests/NAME.elf   $(BUILD)/guests/blocks/NAME.elf
# Those with a classic bug are built once more, with REPAIRED=1, as NAME_repaired.elf.  The library
# itself is not counted.  guests/teaching/raw/NAME.c stand alone, without the library.
TEACHING_PROGRAMS := brk counter dinner fact fish fork mq mutex pingpong sh timing
TEACHING_CLASSICS := abba buffer freed_early lost_flag lost_wakeup
TEACHING_DEFECTS := $(notdir $(basename $(wildcard guests/teaching/defect_*.c)))
TEACHING_RAW := $(notdir $(basename $(wildcard guests/teaching/raw/*.c)))

TEACHING_SCRIPT := guests/lib/teaching/teaching.ld
TEACHING_FLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wshadow -ffreestanding -fpie \
        -fno-stack-protector -fomit-frame-pointer -fno-asynchronous-unwind-tables -mno-red-zone \
        -fno-optimize-sibling-calls -Iguests/lib/teaching -Iguests/lib \
        $(if $(findstring clang,$(CC)),,-fno-tree-loop-distribute-patterns)
TEACHING_LINK := -nostdlib -static -Wl,--build-id=none -T $(TEACHING_SCRIPT)
TEACHING_HEADERS := $(wildcard guests/lib/teaching/*.h guests/teaching/*.h guests/teaching/raw/*.h)
TEACHING_LIBRARY := $(patsubst guests/%.c,$(OBJECTS)/guests/%.o, \
        $(wildcard guests/lib/teaching/*.c) guests/lib/memory.c)
teaching_sources = $(sort $(wildcard guests/teaching/$(1).c guests/teaching/$(1)_*.c))

$(OBJECTS)/guests/%.o: guests/%.c $(TEACHING_HEADERS) guests/lib/guest.h Makefile \
                | $(PACKAGES_READY)
	@mkdir -p $(@D)
	$(call say,GUEST,$<)
	$(Q)$(CC) $(TEACHING_FLAGS) -c $< -o $@

$(BUILD)/eft_budget.o: guests/lib/eft_budget.S Makefile | $(PACKAGES_READY)
	@mkdir -p $(@D)
	$(Q)$(CC) -c $< -o $@

$(BUILD)/eft-cc: guests/lib/eft-cc $(BUILD)/eft_budget.o
	$(Q)install -m 755 $< $@

# $(1) file name without suffix, $(2) sources, $(3) compiler, $(4) more flags, $(5) objects
define teaching_rule
GUEST_PROGRAMS += $(BUILD)/guests/$(1).elf
$(BUILD)/guests/$(1).elf: $(2) $(5) $(TEACHING_HEADERS) $(TEACHING_SCRIPT) $(BUILD)/eft-cc Makefile
	@mkdir -p $$(@D)
	$$(call say,GUEST,$$@)
	$(Q)$(3) $(TEACHING_FLAGS) $(4) $(TEACHING_LINK) -o $$@ $(2) $(5)
endef
# $(1) file name, $(2) name of the source, $(3) more flags
define teaching_rules
$(call teaching_rule,$(1),$(call teaching_sources,$(2)),$(CC),$(3),$(TEACHING_LIBRARY))
$(call teaching_rule,blocks/$(1),$(call \
        teaching_sources,$(2)),$(BUILD)/eft-cc --with=$(CC),$(3),$(TEACHING_LIBRARY))
endef
$(foreach name,$(TEACHING_PROGRAMS) $(TEACHING_CLASSICS) $(TEACHING_DEFECTS), \
        $(eval $(call teaching_rules,$(name),$(name),)))
$(foreach name,$(TEACHING_CLASSICS), \
        $(eval $(call teaching_rules,$(name)_repaired,$(name),-DREPAIRED=1)))
# There is a hello of Linux already.
$(eval $(call teaching_rules,hello_teaching,hello,))
$(foreach name,$(TEACHING_RAW),$(eval $(call \
        teaching_rule,raw/$(name),guests/teaching/raw/$(name).c,$(CC),,)))
# What the kernel's reports are tried with.
$(eval $(call teaching_rule,knots,tests/conformance/diagnose/knots.c,$(CC),,$(TEACHING_LIBRARY)))

# A Linux program whose blocks count.
GUEST_PROGRAMS += $(BUILD)/guests/blocks/probe_musl.elf
$(BUILD)/guests/blocks/probe_musl.elf: $(call guest_sources,probe) $(GUEST_HEADERS) $(BUILD)/eft-cc
	@mkdir -p $(@D)
	$(call say,GUEST,$@)
	$(Q)$(BUILD)/eft-cc --with=$(MUSL_CC) $(GUEST_FLAGS) -std=gnu11 -static -o $@ \
	        $(call guest_sources,probe)

# A program of another language, where its compiler is.  It needs the four memory functions.
RUSTC := $(shell command -v rustc 2>/dev/null)
RUST_FLAGS := --edition=2021 -O -g -C panic=abort -C relocation-model=pic -C linker=gcc \
        -C link-self-contained=no -C default-linker-libraries=no
$(BUILD)/guests/raw/rust.elf: guests/teaching/raw/rust.rs $(TEACHING_SCRIPT) $(TEACHING_LIBRARY) \
                Makefile | $(PACKAGES_READY)
	@mkdir -p $(@D)
	$(call say,GUEST,$@)
	$(Q)MAKEFLAGS= $(RUSTC) $(RUST_FLAGS) $(TEACHING_LINK:%=-C link-arg=%) \
	        -C link-arg=$(OBJECTS)/guests/lib/memory.o -o $@ $<
ifneq ($(RUSTC),)
GUEST_PROGRAMS += $(BUILD)/guests/raw/rust.elf
endif

.PHONY: guests
guests: $(GUEST_PROGRAMS)    ## the guest programs alone

# Each file of tests/conformance/linux is a program; the runner starts it natively and inside.
CONFORMANCE_PROGRAMS := $(patsubst tests/%.c,$(BUILD)/%.elf,\
        $(wildcard tests/conformance/linux/*.c tests/conformance/qemu/*.c \
        tests/conformance/root/*.c))
CONFORMANCE_HEADERS := $(wildcard tests/conformance/linux/*.h)
CONFORMANCE_SUITES := $(sort $(wildcard tests/conformance/*/run_*.py))
# Programs with threads: on both C libraries.
CONFORMANCE_THREADS := $(patsubst tests/conformance/linux/%.c,%,$(wildcard \
        tests/conformance/linux/pthread_*.c tests/conformance/linux/thread_*.c))
# These are built with musl as well, whose start-up and signal code differ.
CONFORMANCE_MUSL := descriptors directory_list file_transfer memory_protect poll_select \
        process_shared \
        signal_order signal_queue signal_restart signal_stop signal_threads time_clocks \
        time_processor time_setting time_vdso timer_file timer_posix $(CONFORMANCE_THREADS)
CONFORMANCE_PROGRAMS += $(CONFORMANCE_MUSL:%=$(BUILD)/conformance/linux/%_musl.elf)
CONFORMANCE_PROGRAMS += $(BUILD)/conformance/diagnose/stuck.elf \
        $(BUILD)/conformance/diagnose/threads.elf $(BUILD)/conformance/diagnose/threads_musl.elf \
        $(addprefix $(BUILD)/conformance/stress/,stress.elf stress_musl.elf processes.elf) \
        $(addprefix $(BUILD)/conformance/scenario/,scenario.elf scenario_musl.elf)
# They hand wild pointers and sizes to the kernel on purpose.
CONFORMANCE_FLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -static \
        -Wno-nonnull -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds

$(BUILD)/conformance/%.elf: tests/conformance/%.c $(CONFORMANCE_HEADERS) Makefile \
                | $(PACKAGES_READY)
	@mkdir -p $(@D)
	$(call say,GUEST,$@)
	$(Q)$(CC) $(CONFORMANCE_FLAGS) -o $@ $<

$(BUILD)/conformance/%_musl.elf: tests/conformance/%.c $(CONFORMANCE_HEADERS) Makefile \
                | $(PACKAGES_READY)
	@mkdir -p $(@D)
	$(call say,GUEST,$@)
	$(Q)$(MUSL_CC) $(CONFORMANCE_FLAGS) -o $@ $<

# Dynamic programs, whose reports must name what is in their libraries.
DYNAMIC_FLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -fno-builtin -g -Wall -Wextra -Werror
DYNAMIC := $(BUILD)/conformance/diagnose
DYNAMIC_PROGRAMS := $(addprefix $(DYNAMIC)/,libraries libraries_fixed libraries_alone \
        libraries_bare threads_dynamic)
CONFORMANCE_PROGRAMS += $(DYNAMIC_PROGRAMS)
LIBRARIES_SOURCE := tests/conformance/diagnose/libraries.c
WITH_LIBRARY = $(DYNAMIC_FLAGS) -DDYNAMIC -o $@ $(LIBRARIES_SOURCE) -L$(DYNAMIC) -lknots \
        -Wl,-rpath,'$$ORIGIN'

$(DYNAMIC)/libknots.so: tests/conformance/diagnose/library.c | $(PACKAGES_READY)
	@mkdir -p $(@D)
	$(call say,GUEST,$@)
	$(Q)$(CC) $(DYNAMIC_FLAGS) -shared -fPIC -o $@ $<

$(DYNAMIC_PROGRAMS): $(DYNAMIC)/libknots.so $(LIBRARIES_SOURCE) Makefile \
        $(wildcard tests/conformance/diagnose/*.[ch])
$(DYNAMIC)/libraries:
	$(call say,GUEST,$@)
	$(Q)$(CC) -pie -fPIE $(WITH_LIBRARY)

$(DYNAMIC)/libraries_fixed:
	$(call say,GUEST,$@)
	$(Q)$(CC) -no-pie -fno-pie $(WITH_LIBRARY)

$(DYNAMIC)/libraries_bare:
	$(call say,GUEST,$@)
	$(Q)$(CC) -s -pie -fPIE $(WITH_LIBRARY)

$(DYNAMIC)/libraries_alone:
	$(call say,GUEST,$@)
	$(Q)$(CC) -static-pie -fPIE $(DYNAMIC_FLAGS) -o $@ $(LIBRARIES_SOURCE) \
	        tests/conformance/diagnose/library.c

$(DYNAMIC)/threads_dynamic:
	$(call say,GUEST,$@)
	$(Q)$(CC) $(DYNAMIC_FLAGS) -pthread -o $@ tests/conformance/diagnose/threads.c

# ---- End of the guests section ----------------------------------------------------------------

# ---- Unit, model and port tests ---------------------------------------------------------------
# tests/unit/a/b_test.c links: itself, the object of src/a/b.c, then of the harness and of the core
# whatever is still undefined (both as archives, the harness first: its panic() and its machine
# stand in for the real ones).  tests/port links the hosted machine instead, and plays the kernel.

$(OBJECTS)/tests/%.o: tests/%.c Makefile | $(PACKAGES_READY)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(TEST_FLAGS) $(VARIANT_FLAGS) -c $< -o $@

$(BUILD)/libcore.a: $(CORE_OBJECTS) $(VDSO_OBJECT)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/libsim.a: $(SIM_OBJECTS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/libharness.a: $(HARNESS_OBJECTS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# $(1) the test's source, $(2) objects, $(3) archives, $(4) libraries
define test_rule
$(BUILD)/$(1:%.c=%): $(call objects,$(1)) $(2) $(3)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$(Q)$(CC) $(VARIANT_FLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $(3) \
	        -Wl,--end-group $(4) $$(TEST_LIBRARIES)
endef
# The core file of the same name, if there is one.
subject = $(call objects,$(filter $(CORE_SOURCES),$(patsubst tests/unit/%_test.c,src/%.c,$(1))))
$(foreach test,$(UNIT_TESTS) $(MODEL_TESTS),$(eval $(call test_rule,$(test),$(call \
        subject,$(test)),$(BUILD)/libharness.a $(BUILD)/libcore.a,)))
$(foreach test,$(PORT_TESTS),$(eval $(call \
        test_rule,$(test),,$(BUILD)/libsim.a,$(SIM_LIBRARIES))))

# ---- Running ----------------------------------------------------------------------------------

GUEST ?= $(BUILD)/guests/hello.elf
ARGS ?=
RUN_SUITES := $(PYTHON) tests/run.py --build $(BUILD)

.PHONY: run gdb bench
run: deps all    ## GUEST with ARGS inside the kernel; without GUEST also the philosophers' deadlock
	$(BUILD)/sim $(GUEST) $(ARGS)
ifeq ($(origin GUEST),file)
	$(BUILD)/sim --search $(BUILD)/guests/dinner.elf 1 1 0; test $$? -eq 121
endif

gdb: deps all    ## the same under gdb, with our commands loaded
	gdb -q -x $(GDB_SCRIPT) --args $(BUILD)/sim $(GUEST) $(ARGS)

bench: deps all eft    ## sim against native, as ratios
	@$(PYTHON) tests/performance/bench.py --build $(BUILD) --peers

# ---- Tests ------------------------------------------------------------------------------------

TIDY_SUITES := tests/tidy/tidy.py tests/tidy/tidy_test.py tests/tidy/run_test.py \
        tests/tidy/oracle_test.py tests/tidy/contract_test.py
CORE_LINKS := $(BUILD)/core.o $(BUILD)/core-with-memory.o

$(BUILD)/core-with-memory.o: $(BUILD)/core-all-names.o $(MEMORY_OBJECT)
	$(Q)$(LD) -r -o $@ $^

.PHONY: test unit model unit-and-model instrumented unit-for-tsan conformance tidy headers \
        symbols test-programs
test: deps all eft test-programs $(CORE_LINKS)    ## everything below but conformance in full
	@$(RUN_SUITES) $(TIDY_SUITES) tests/tidy/headers.py tests/tidy/symbols.py \
	        $(TEST_PROGRAMS) $(CONFORMANCE_SUITES)

test-programs: $(TEST_PROGRAMS) $(CONFORMANCE_PROGRAMS) $(CHANGED_SIMS)

unit: $(UNIT_PROGRAMS)    ## unit tests of the core
	@$(RUN_SUITES) $(UNIT_PROGRAMS)

model: $(MODEL_PROGRAMS)    ## small protocols of the core in every interleaving
	@$(RUN_SUITES) $(MODEL_PROGRAMS)

unit-and-model: $(UNIT_PROGRAMS) $(MODEL_PROGRAMS)
	@$(RUN_SUITES) $^

# All programs of ours, and guests of both kinds in the simulator.  INSTRUMENTED="guests linux"
# chooses other folders of tests/conformance.
INSTRUMENTED := guests teaching
INSTRUMENTED_SUITES := $(wildcard $(patsubst %,tests/conformance/%/run_*.py,$(INSTRUMENTED)))
instrumented: all test-programs
	@$(RUN_SUITES) $(TEST_PROGRAMS) $(INSTRUMENTED_SUITES)

# Not the comparisons with the host's mmap: the tool keeps the addresses for itself.
unit-for-tsan: $(filter-out %/linux_test,$(UNIT_PROGRAMS))
	@$(RUN_SUITES) $^

# With many seeds: programs of the teaching ABI run again for each.
conformance: export EFT_SEEDS := 50
conformance: export EFT_SEARCH_RUNS := 10000
conformance: export EFT_ALL := 1
conformance: deps all eft $(CONFORMANCE_PROGRAMS) $(CHANGED_SIMS)    ## programs inside and on Linux
	@$(RUN_SUITES) --timeout 3600 $(CONFORMANCE_SUITES)

# Downloads, programs and results are kept in $(BUILD)/outside.
.PHONY: outside
outside: deps sim    ## tests of Linux and glibc from Debian's sources: native, and inside
	@.ci/packages $(PACKAGES_OUTSIDE)
	@$(PYTHON) tests/outside/outside.py --build $(BUILD) --json $(BUILD)/outside.json

tidy:    ## rules of docs/style.md that no compiler checks
	@$(RUN_SUITES) $(TIDY_SUITES)

headers:    ## every header compiles alone
	@$(RUN_SUITES) tests/tidy/headers.py

symbols: $(CORE_LINKS)    ## the core needs machine.h and nothing else
	@$(RUN_SUITES) tests/tidy/symbols.py

# ---- Variants: the same Makefile with other flags ---------------------------------------------

variant = $(MAKE) --no-print-directory BUILD=$(BUILD)/$(1) VARIANT=$(1)

.PHONY: asan ubsan sanitize tsan coverage
# Only the tests themselves use the host's heap, and they end right after.
asan sanitize: export ASAN_OPTIONS := detect_leaks=0

asan ubsan sanitize: deps    ## tests with the address or undefined-behaviour sanitizer, or both
	@+$(call variant,$@) instrumented

# It sees races of real threads; the models try all orders on one.
tsan: export CK_TIMEOUT_MULTIPLIER := 10
tsan: deps    ## unit tests with the thread sanitizer
	@+$(call variant,$@) unit-for-tsan

coverage: deps    ## lines covered by the unit tests, by folder; fails below a floor
	@find $(BUILD)/coverage -name '*.gcda' -delete 2>/dev/null || true
	@+$(call variant,$@) unit-and-model
	@$(PYTHON) tests/tidy/coverage.py $(BUILD)/coverage

# ---- Fuzzing ----------------------------------------------------------------------------------
# tests/fuzz/NAME_fuzz.c is a libFuzzer program on parts of the core; the guest that makes random
# system calls is among the guests.

TIME ?= 60
FUZZ_TESTS := $(sort $(wildcard tests/fuzz/*_fuzz.c))
FUZZ_PROGRAMS := $(FUZZ_TESTS:%.c=$(BUILD)/%)
FUZZ_LINK := -fsanitize=fuzzer,address,undefined
# What they need of the core comes out of its archive; files need the harness for a machine too.
$(BUILD)/tests/fuzz/elf_fuzz: $(BUILD)/libcore.a
$(BUILD)/tests/fuzz/files_fuzz: $(BUILD)/libharness.a $(BUILD)/libcore.a

$(FUZZ_PROGRAMS): $(BUILD)/%: $(OBJECTS)/%.o
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(FUZZ_LINK) -o $@ $(filter %.o,$^) \
	        -Wl,--start-group $(filter %.a,$^) -Wl,--end-group

.PHONY: fuzz fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)

fuzz: deps all    ## TIME seconds of random calls and of broken programs
	@+if .ci/packages $(PACKAGES_FUZZ); then $(call variant,fuzz) fuzz-programs; fi
	@$(PYTHON) tests/fuzz/run_fuzz.py --build $(BUILD) --time $(TIME)

# ---- Analysis ---------------------------------------------------------------------------------
# Each tool leaves a stamp per file in $(BUILD)/analyze, so only what changed is looked at again.

ANALYZED := $(CORE_SOURCES) src/lib/memory.c
analysis = $(patsubst %,$(BUILD)/analyze/$(1)/%.stamp,$(ANALYZED))
CLANG_FLAGS := $(filter-out -MMD -MP,$(CORE_FLAGS)) -O2

.PHONY: analyze analyze-clang analyze-gcc analyze-tidy analyze-cppcheck
analyze: analyze-clang analyze-gcc analyze-tidy analyze-cppcheck    ## all analysers, on src/

analyze-clang: $(call analysis,clang)    ## only the warnings of the second compiler
analyze-gcc: $(call analysis,gcc)    ## only gcc -fanalyzer
analyze-tidy: $(call analysis,clang-tidy)    ## only clang-tidy
analyze-cppcheck: $(BUILD)/analyze/cppcheck.stamp    ## only cppcheck

$(BUILD)/analyze/packages.stamp: Makefile .ci/packages | $(PACKAGES_READY)
	@mkdir -p $(@D)
	@.ci/packages $(PACKAGES_ANALYZE)
	@touch $@
ANALYZERS_READY := $(BUILD)/analyze/packages.stamp

# Reviewed: what a tool reports for one file though it cannot happen.
# gcc takes a structure that a function returns by value for uninitialised.
$(BUILD)/analyze/gcc/src/abi/linux/sys_prctl.c.stamp: \
        REVIEWED := -Wno-analyzer-use-of-uninitialized-value
# Only inodes that are no links are made without a target.
$(BUILD)/analyze/clang-tidy/src/fs/tmpfs.c.stamp: \
        REVIEWED := --checks=-clang-analyzer-unix.cstring.NullArg
# A height of 0 never gets to a shift by height - 1: the tree has grown before.
$(BUILD)/analyze/clang-tidy/src/fs/page_tree.c.stamp: \
        REVIEWED := --checks=-clang-analyzer-core.UndefinedBinaryOperatorResult
# A nice value is a number.
$(BUILD)/analyze/clang-tidy/src/abi/linux/sys_sched_class.c.stamp: \
        REVIEWED := --checks=-bugprone-signed-char-misuse
# The structure that is handed on is an output; .def files expand macros of their includer, and
# cppcheck does not see the arrays that they fill, nor that the vDSO is one object.
CPPCHECK_REVIEWED := --suppress=ctuuninitvar --suppress=unknownMacro \
        --suppress=comparePointers:src/abi/linux/vdso.c \
        --suppress=arrayIndexOutOfBoundsCond:src/abi/trace_values.c

$(BUILD)/analyze/clang/%.stamp: % $(HEADERS) Makefile | $(ANALYZERS_READY)
	@mkdir -p $(@D)
	$(call say,CLANG,$<)
	$(Q)$(CLANG) $(CLANG_FLAGS) -Wthread-safety -fsyntax-only $<
	@touch $@

$(BUILD)/analyze/gcc/%.stamp: % $(HEADERS) Makefile | $(ANALYZERS_READY)
	@mkdir -p $(@D)
	$(call say,ANALYZE,$<)
	$(Q)$(CC) $(CLANG_FLAGS) -fanalyzer $(REVIEWED) -c $< -o /dev/null
	@touch $@

$(BUILD)/analyze/clang-tidy/%.stamp: % $(HEADERS) .clang-tidy Makefile | $(ANALYZERS_READY)
	@mkdir -p $(@D)
	$(call say,TIDY,$<)
	$(Q)clang-tidy --quiet $(REVIEWED) $< -- $(filter-out -mgeneral-regs-only,$(CLANG_FLAGS))
	@touch $@

$(BUILD)/analyze/cppcheck.stamp: $(ANALYZED) $(HEADERS) Makefile | $(ANALYZERS_READY)
	@mkdir -p $(@D)
	$(call say,CPPCHECK,src)
	$(Q)cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability \
	        $(CPPCHECK_REVIEWED) -Isrc $(ANALYZED)
	@touch $@

# ---- Documents, installation, packages --------------------------------------------------------

.PHONY: docs install deps clean help
docs:    ## writes the generated parts of docs/
	@$(PYTHON) tests/tidy/generated.py

install: all    ## into DESTDIR/PREFIX: bin/eft, bin/eft-cc, our gdb commands in share/eft
	install -D -m 755 $(BUILD)/sim "$(DESTDIR)$(PREFIX)/bin/eft"
	install -D -m 644 $(GDB_SCRIPT) "$(DESTDIR)$(PREFIX)/share/eft/gdb/eft.py"
	install -D -m 755 $(BUILD)/eft-cc "$(DESTDIR)$(PREFIX)/bin/eft-cc"
	install -D -m 644 -t "$(DESTDIR)$(PREFIX)/lib/eft" $(BUILD)/eft_budget.o $(BUILD)/vdso.so
	install -D -m 644 -t "$(DESTDIR)$(PREFIX)/share/doc/eft" README.md LICENSE

deps: $(PACKAGES_STAMP)    ## installs the Debian packages that are missing, or says which
$(PACKAGES_STAMP): Makefile .ci/packages
	@mkdir -p $(@D)
	@.ci/packages $(PACKAGES_TEST)
	@touch $@

clean:    ## removes BUILD
	rm -rf $(BUILD)

help:    ## this table
	@sed -n 's/^\([a-z -]*\):.*  ## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) \
	        | awk -F'|' '{ printf "%-22s%s\n", $$1, $$2 }'
	@echo 'Variables: BUILD GUEST ARGS PREFIX DESTDIR TIME V'

-include $(OBJECTS)/vdso/vdso.d \
        $(patsubst %.o,%.d,$(X86_64_OBJECTS) $(CORE_OBJECTS) $(MEMORY_OBJECT) \
        $(SIM_OBJECTS) $(HARNESS_OBJECTS) \
        $(call objects,$(TESTS) $(FUZZ_TESTS) $(SCENARIO_SOURCES)))
