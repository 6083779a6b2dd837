# SPDX-License-Identifier: GPL-2.0-only
#
# mk/build.mk - one build of everything: make -f mk/build.mk V=<variant> <goal>
#
# Called by ../Makefile for each variant; everything it makes is under build/$(V)/.
#
# Layers see only what stands below them: each layer's include path is the list of folders it may
# include from, so a wrong #include does not compile. A design's own include/ comes first, on its units alone.
# Kernel files never see libc's headers, host files never see the kernel's (docs in kernel-compat/README.md).

V ?= release
B := build/$(V)
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif

# ---- variants -----------------------------------------------------------------------------
WARN := -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes -Wno-unused-parameter -Wno-sign-compare
ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

OPT_release	:= -O2 -g
OPT_check	:= -O1 -g $(ASAN) -DKC_DET=1 -DKC_DEBUG=1
OPT_shrunk	:= $(OPT_check) -DBIO_MAX_VECS=4
OPT_check-release := -O2 -g $(ASAN)
OPT_valgrind	:= -O1 -g -DKC_DET=1 -DKC_DEBUG=1 -DKC_VALGRIND=1
OPT_tsan	:= -O1 -g -fsanitize=thread -DKC_DEBUG=1
OPT_tsan-release := -O1 -g -fsanitize=thread
OPT_coverage	:= -O0 -g --coverage -fprofile-update=atomic -fprofile-abs-path -DKC_COVERAGE=1 -DKC_DET=1 -DKC_DEBUG=1
OPT_measure	:= -O2 -g -DLAB_WITH_PROBES=0
OPT_planted	:= -O1 -g -DKC_DET=1 -DKC_DEBUG=1 -DLAB_PLANTS=1
OPT_deep	:= -O2 -g -DLAB_PLANTS=1 -DLAB_MAX_LOOPS=32
OPT_indirect	:= -O2 -g -mindirect-branch=thunk-extern -mindirect-branch-register -fcf-protection=none -fno-jump-tables -DKC_COUNT_INDIRECT=1

OPT := $(OPT_$(V))
ifeq ($(OPT),)
$(error V=$(V): no such variant; there are release check check-release shrunk valgrind tsan tsan-release coverage measure indirect planted deep)
endif
LDFLAGS := $(filter -fsanitize=% --coverage,$(OPT)) -pthread
LDLIBS := -luring -lm

# ---- flags of the two worlds ----------------------------------------------------------------
GCCINC := $(shell $(CC) -print-file-name=include)
COMMON := -std=gnu11 $(OPT) $(WARN) -fno-common -ftls-model=local-exec -MMD -MP
KERNEL := $(COMMON) -nostdinc -isystem $(GCCINC) -fno-strict-aliasing -ffunction-sections
HOST := $(COMMON) -D_GNU_SOURCE -Ikernel-compat -Iscenarios

I0 := -Ikernel-compat/include -Ikernel-compat
I1 := -Isim/block/include $(I0)
I2 := -Isim/drivers/include $(I1)
I3 := -Ifs-model/include $(I2)
I4 := -Isim/designs $(I3)
I5 := -Iscenarios $(I4)

DESIGNS := buffered iter-ops iter-ops-fixed iter-bvec bio-first
# built and tested, not shown: the design to begin a new one from; last of the table
DESIGNS += TEMPLATE
sym = design_$(subst -,_,$(1))
# Variants that are code of their own and not only knobs: design:index:name
VARIANTS := iter-bvec:1:61
colon = $(word $(1),$(subst :, ,$(2)))
variant_of = $(call colon,1,$(1))-$(call colon,3,$(1))

o = $(patsubst %.c,$(B)/%.o,$(wildcard $(1)))
COMPAT	:= $(call o,kernel-compat/*.c)
HOSTO	:= $(call o,kernel-compat/host/*.c)
BLOCK	:= $(call o,sim/block/*.c)
DRIVERS	:= $(call o,sim/drivers/*.c)
FSMODEL	:= $(call o,fs-model/*.c)
RUNNER	:= $(call o,scenarios/runner/*.c)
CLI	:= $(filter-out %/main.o,$(call o,scenarios/cli/*.c))
REPORTS	:= $(call o,reports/*.c)
DESIGNO	:= $(DESIGNS:%=$(B)/design/%.o)
LAB	:= $(COMPAT) $(HOSTO) $(BLOCK) $(DRIVERS) $(FSMODEL) $(RUNNER) $(CLI) $(REPORTS)

HARNESS	:= $(B)/scenarios/harness/lab_test.o
KTESTS	:= $(call o,$(addsuffix /*.c,$(addprefix scenarios/tests/,kernel-compat sim/block sim/drivers fs-model scenarios)))
HTESTS	:= $(call o,scenarios/tests/host/*.c)
DTESTO	:= $(DESIGNS:%=$(B)/design-test/%.o) $(foreach v,$(VARIANTS),$(B)/design-test/$(call variant_of,$(v)).o) $(B)/design-test/bio-first-h7.o
PLANTED	:= $(call o,scenarios/tests/planted/*.c)
PLANTEDH := $(call o,scenarios/tests/planted/host/*.c)
RANGES	:= $(call o,scenarios/tests/iter-ranges/*.c)
TESTLAB	:= $(LAB) $(HARNESS) $(KTESTS) $(HTESTS) $(DTESTO) $(RANGES) $(B)/gen/designs.o

all: $(B)/diolab
tests: $(B)/tests-inproc
objects: $(LAB) $(DESIGNO)

$(COMPAT): INC = $(I0)
$(BLOCK): INC = $(I1)
$(DRIVERS): INC = $(I2)
$(FSMODEL): INC = $(I3)
$(RUNNER) $(B)/gen/designs.o: INC = $(I5)
$(KTESTS) $(HARNESS) $(PLANTED): INC = $(I5)
$(RANGES): INC = -Iscenarios $(I0)

FLAGS = $(KERNEL) $(INC)
$(HOSTO) $(CLI) $(REPORTS) $(HTESTS) $(PLANTEDH) $(B)/scenarios/cli/main.o $(B)/scenarios/harness/inproc.o: FLAGS = $(HOST) $(INC)
$(HTESTS): INC = -Ireports

$(B)/%.o: %.c $(B)/.flags
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -c -o $@ $<

# A change of compiler or flags rebuilds everything.
$(B)/.flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(COMMON)' | cmp -s - $@ || echo '$(CC) $(COMMON)' > $@

# ---- designs: one relocatable object, one exported symbol ------------------------------------
# A design's test object has the design, the tests that every design must pass (scenarios/tests/sim/designs/*.c,
# compiled once, without a look into any of them), subject.c, which says whose they are here, and the tests of the design's
# own internals.
DTESTS := scenarios/tests/sim/designs
IT := -I$(DTESTS)
SUBJECT := $(DTESTS)/subject.c
CTESTS := $(filter-out $(SUBJECT),$(wildcard $(DTESTS)/*.c))
COMMONT := $(CTESTS:%.c=$(B)/%.o)
$(COMMONT): INC = $(I5)
# The template keeps the data; what a good design spends, and how it refuses to wait, is none of its business. So with a
# copy of it until that is more: CTESTS_mine := $(CTESTS_TEMPLATE)
CTESTS_TEMPLATE := $(addprefix $(DTESTS)/,rig.c costs.c data.c wb_err.c)

# $(1) name, $(2) the symbols to keep beside the tests'. The common tests' symbols get the name of the design, or there
# would be as many of one name as there are designs.
define link_tests
@mkdir -p $(@D)
ld -r -o $@.all $^
nm $@.all | awk '{ old = $$3; if (sub(/^lab_test__DESIGN_/, "lab_test__$(subst -,_,$(1))_", $$3)) print old, $$3 }' > $@.names
objcopy --redefine-syms=$@.names $@.all
objcopy --wildcard $(2) --keep-global-symbol='lab_test__*' $@.all $@
endef

define design
DOBJ_$(1) := $$(call o,sim/designs/$(1)/*.c)
DTST_$(1) := $$(call o,$$(DTESTS)/$(1)/*.c)
CTST_$(1) := $$(patsubst %.c,$(B)/%.o,$$(or $$(CTESTS_$(1)),$$(CTESTS))) $(B)/design-test/$(1)/subject.o
$$(DOBJ_$(1)): INC = -Isim/designs/$(1)/include $$(I4) -Isim/designs/$(1)
$$(DTST_$(1)): INC = -Isim/designs/$(1)/include $$(I5) -Isim/designs/$(1) $$(IT)
$(B)/design-test/$(1)/subject.o: $$(SUBJECT) $(B)/.flags
	@mkdir -p $$(@D)
	$$(CC) $$(KERNEL) $$(I5) -DLAB_DESIGN=$(subst -,_,$(1)) -c -o $$@ $$<
$(B)/design/$(1).o: $$(DOBJ_$(1))
	@mkdir -p $$(@D)
	ld -r -o $$@.all $$^
	objcopy --keep-global-symbol=$$(call sym,$(1)) $$@.all $$@
$(B)/design-test/$(1).o: $$(DOBJ_$(1)) $$(CTST_$(1)) $$(DTST_$(1))
	$$(call link_tests,$(1),--keep-global-symbol=$$(call sym,$(1)))
-include $$(DOBJ_$(1):.o=.d) $(B)/design-test/$(1)/subject.d $$(DTST_$(1):.o=.d)
endef
$(foreach d,$(DESIGNS),$(eval $(call design,$(d))))

# The common tests once more, for another variant, and the tests of that variant's own internals, which are in a folder of
# its name. The design is in this object too, not exported. $(1) design, $(2) index, $(3) variant, $(4) design-variant
define variant
DTST_$(4) := $$(call o,$$(DTESTS)/$(1)/$(3)/*.c)
CTST_$(4) := $$(COMMONT) $(B)/design-test/$(4)/subject.o
$$(DTST_$(4)): INC = -Isim/designs/$(1)/include $$(I5) -Isim/designs/$(1) $$(IT)
$(B)/design-test/$(4)/subject.o: $$(SUBJECT) $(B)/.flags
	@mkdir -p $$(@D)
	$$(CC) $$(KERNEL) $$(I5) -DLAB_DESIGN=$(subst -,_,$(1)) -DLAB_VARIANT=$(2) -DLAB_SUITE=$(subst -,_,$(4)) -c -o $$@ $$<
$(B)/design-test/$(4).o: $$(DOBJ_$(1)) $$(CTST_$(4)) $$(DTST_$(4))
	$$(call link_tests,$(4))
-include $(B)/design-test/$(4)/subject.d $$(DTST_$(4):.o=.d)
endef
$(foreach v,$(VARIANTS),$(eval $(call variant,$(call colon,1,$(v)),$(call colon,2,$(v)),$(call colon,3,$(v)),$(call variant_of,$(v)))))

# bio-first as hazard H7 would have it (i_dio_count held across the punt): test program only, found to hang. What it
# covers is no coverage of bio-first.
H7OBJ := $(patsubst $(B)/sim/designs/bio-first/%,$(B)/h7/%,$(DOBJ_bio-first))
$(B)/h7/%.o: sim/designs/bio-first/%.c $(B)/.flags
	@mkdir -p $(@D)
	$(CC) $(filter-out --coverage,$(KERNEL)) -Isim/designs/bio-first/include $(I4) -Isim/designs/bio-first -DLAB_PLANT_H7 -c -o $@ $<
$(B)/design-test/bio-first-h7.o: $(H7OBJ)
	@mkdir -p $(@D)
	ld -r -o $@.all $^
	objcopy --keep-global-symbol=design_bio_first_h7 $@.all $@

# $(1): the words of design_…, in the order of reports
designs_table = { echo '/* Made by mk/build.mk. */'; echo '\#include "design.h"'; \
	for d in $(1); do echo "extern const struct design design_$$d;"; done; \
	echo 'const struct design *const lab_designs[] = {'; \
	for d in $(1); do echo "	&design_$$d,"; done; \
	echo '	0'; echo '};'; }
$(B)/gen/designs.c: mk/build.mk
	@mkdir -p $(@D)
	@$(call designs_table,$(subst -,_,$(DESIGNS))) > $@
$(B)/gen/designs.o: $(B)/gen/designs.c
	$(CC) $(KERNEL) $(I5) -c -o $@ $<

# ---- programs ------------------------------------------------------------------------------
$(B)/diolab: $(LAB) $(B)/scenarios/cli/main.o $(DESIGNO) $(B)/gen/designs.o
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# What io_uring alone costs (make bench): nothing of the laboratory is in it.
$(B)/floor: scenarios/bench/floor.c $(B)/.flags
	$(CC) $(COMMON) -D_GNU_SOURCE $(LDFLAGS) -o $@ $< -luring

$(B)/tests-inproc: $(TESTLAB) $(B)/scenarios/harness/inproc.o
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/tests-planted: $(LAB) $(HARNESS) $(PLANTED) $(PLANTEDH) $(DESIGNO) $(B)/gen/designs.o $(B)/scenarios/harness/inproc.o
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/gen/criterion.c: scenarios/harness/gen-criterion.sh $(KTESTS) $(HTESTS) $(DTESTO)
	@mkdir -p $(@D)
	sh scenarios/harness/gen-criterion.sh $(KTESTS) $(HTESTS) $(DTESTO) > $@.part && mv $@.part $@
$(B)/gen/criterion.o: $(B)/gen/criterion.c
	$(CC) -std=gnu11 $(OPT) -D_GNU_SOURCE -Ikernel-compat -Iscenarios $(shell pkg-config --cflags criterion) -c -o $@ $<
$(B)/tests-criterion: $(TESTLAB) $(B)/gen/criterion.o
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) $(shell pkg-config --libs criterion)

# ---- upstream's own iov_iter.c (make upstream-iov) -------------------------------------------
# Taken from the kernel's source by kernel-compat/upstream/prepare-iov.sh, and its two headers: they are
# searched first and are alone in their folder, everything else is kernel-compat's. The flags are those of the
# kernel's own Makefile that give meaning to its C. NAME.c beside lib/ is a copy with one mistake in it.
UPSTREAM := build/upstream-iov
UPFLAGS := -std=gnu11 $(OPT) -Wall -Wno-pointer-sign -fno-strict-aliasing -fno-strict-overflow \
	-fno-delete-null-pointer-checks -fno-common -ftls-model=initial-exec -MMD -MP \
	-nostdinc -isystem $(GCCINC) -I$(UPSTREAM)/include $(I0)
UPTEST	:= $(call o,scenarios/tests/upstream/*.c)
$(UPTEST): INC = -I$(UPSTREAM)/include -Iscenarios $(I0)
$(UPTEST): $(UPSTREAM)/source

$(B)/upstream/iov_iter.o: $(UPSTREAM)/lib/iov_iter.c $(B)/.flags
	@mkdir -p $(@D)
	$(CC) $(UPFLAGS) -c -o $@ $<
$(B)/upstream/%.o: $(UPSTREAM)/mutants/%.c $(B)/.flags
	@mkdir -p $(@D)
	$(CC) $(UPFLAGS) -c -o $@ $<
$(B)/upstream/tests-%: $(B)/upstream/%.o $(COMPAT) $(HOSTO) $(HARNESS) $(RANGES) $(UPTEST) $(B)/scenarios/harness/inproc.o
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
count-upstream-tests: $(UPTEST)
	@nm $^ | awk '$$2 ~ /^[RrDd]$$/ && $$3 ~ /^lab_test__/' | wc -l
.PRECIOUS: $(B)/upstream/%.o

include mk/upstream.mk

# how many tests there must be: what the runners check themselves against
count-tests: $(KTESTS) $(HTESTS) $(DTESTO)
	@nm $^ | awk '$$2 ~ /^[RrDd]$$/ && $$3 ~ /^lab_test__/' | wc -l

-include $(patsubst %.o,%.d,$(LAB) $(HARNESS) $(COMMONT) $(KTESTS) $(HTESTS) $(PLANTED) $(PLANTEDH) $(RANGES) $(UPTEST) $(H7OBJ) $(B)/scenarios/cli/main.o $(B)/scenarios/harness/inproc.o) $(B)/floor.d
-include $(wildcard $(B)/upstream/*.d)

FORCE:
.PHONY: all tests objects count-tests count-upstream-tests FORCE
.DELETE_ON_ERROR:
