# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream.mk - Linux's own files as a design; part of mk/build.mk, and nothing without a prepared tree.
#
# For each tree build/upstream/NAME/tree that kernel-compat/upstream/prepare.sh made: upstream's files and the kernel's
# side of the shim, compiled with the tree's headers, become one relocatable object in which nothing is undefined but
# bridge.h's upl_*() (stubs.sh sees to the rest); with the lab's side it becomes one that exports one symbol, like
# every design. $(B)/diolab-upstream is diolab with these designs. Upstream's objects are not position independent.
UP_DIR := kernel-compat/upstream
UP_TREES := $(patsubst build/upstream/%/source,%,$(wildcard build/upstream/*/source))
# Of a line of `files` with a second field, an older tree may lack the file.
UP_FILES := $(shell awk '$$1 !~ /^kernel\/sched\// { print $$1 }' $(UP_DIR)/files)

# The flags of the kernel's own Makefile that give meaning to its C, less what only its own linking wants. It needs an
# optimizer, which removes calls that must not be there.
UP_C := -std=gnu11 $(OPT:-O0=-O1) -m64 -fno-PIE -fno-common -fshort-wchar -fno-builtin -fno-strict-aliasing \
	-fno-strict-overflow -fno-delete-null-pointer-checks -fno-allow-store-data-races -fno-stack-protector \
	-ftrivial-auto-var-init=zero -fcf-protection=none -ffunction-sections -fdata-sections -nostdinc -MMD -MP \
	-D__KERNEL__ -D__arch_um__ -Dvmap=kernel_vmap -Dlongjmp=kernel_longjmp -Dsetjmp=kernel_setjmp \
	-Din6addr_loopback=kernel_in6addr_loopback -Din6addr_any=kernel_in6addr_any -Dstrrchr=kernel_strrchr \
	-Derrno=kernel_errno -Dsigprocmask=kernel_sigprocmask -Dmktime=kernel_mktime
# Coverage is by function that is linked in: so a function that nobody calls must not be a part of one that somebody does.
UP_C += $(if $(filter coverage,$(V)),-fno-inline-functions-called-once -fno-inline-small-functions)
# As KBUILD_BASENAME and its like want it: blk-core.c is blk_core.
UP_NAME = $(subst -,_,$(basename $(notdir $(1))))
UP_MOD = -DKBUILD_MODFILE='"$(call UP_NAME,$(1))"' -DKBUILD_BASENAME='"$(call UP_NAME,$(1))"' \
	-DKBUILD_MODNAME='"$(call UP_NAME,$(1))"' -D__KBUILD_MODNAME=kmod_$(call UP_NAME,$(1))
# the objcopy options that `redirect` has for a file
UP_REDIRECT = $(shell awk '$$1 == "$(1)" { print $$3 == "global" ? "--globalize-symbol=" $$2 : \
	$$3 == "weak" ? "--weaken-symbol=" $$2 : "--redefine-sym " $$2 "=" $$3 }' $(UP_DIR)/redirect)
UP_PAREN := (
UP_ROOTS := $(shell sed -n 's/.*\b\(upk_[a-z_]*\)$(UP_PAREN).*/-u \1/p' $(UP_DIR)/bridge.h)

UP_LD := -no-pie

# $(1): tree
define up_tree
UPT_$(1) := build/upstream/$(1)/tree
UPO_$(1) := $(B)/upstream-$(1)
UPI_$(1) := $$(addprefix -I$$(UPT_$(1))/,arch/um/include arch/um/include/generated include arch/um/include/uapi \
	arch/um/include/generated/uapi include/uapi include/generated/uapi) \
	$$(addprefix -include $$(UPT_$(1))/include/linux/,compiler-version.h kconfig.h compiler_types.h) \
	$$(addprefix -I$$(UPT_$(1))/,arch/x86/um arch/x86/include arch/x86/include/uapi arch/x86/include/generated \
	arch/x86/include/generated/uapi arch/um/include/shared arch/x86/um/shared arch/um/include/shared/skas)
UPOBJ_$(1) := $$(patsubst $$(UPT_$(1))/%.c,$$(UPO_$(1))/t/%.o,$$(wildcard $$(addprefix $$(UPT_$(1))/,$$(UP_FILES))))
UPK_$(1) := $$(patsubst $(UP_DIR)/%.c,$$(UPO_$(1))/k/%.o,$$(wildcard $(UP_DIR)/*.c))
UPL_$(1) := $$(patsubst sim/designs/upstream/%.c,$$(UPO_$(1))/l/%.o,$$(wildcard sim/designs/upstream/*.c))

$$(UPO_$(1))/t/%.o: $$(UPT_$(1))/%.c $(UP_DIR)/redirect build/upstream/$(1)/has $(B)/.flags
	@mkdir -p $$(@D)
	$$(CC) $$(UP_C) $$(UPI_$(1)) -I$$(<D) -w $$(call UP_MOD,$$<) -c -o $$@ $$<
	@$$(if $$(call UP_REDIRECT,$$*.c),objcopy $$(call UP_REDIRECT,$$*.c) $$@)
$$(UPO_$(1))/k/%.o: $(UP_DIR)/%.c build/upstream/$(1)/has $(B)/.flags
	@mkdir -p $$(@D)
	$$(CC) $$(UP_C) $$(UPI_$(1)) -I$$(UPT_$(1)) -I$$(UPT_$(1))/kernel/sched -Ikernel-compat -I$(UP_DIR) -Wall \
		-Wno-pointer-sign $$(call UP_MOD,$$<) -c -o $$@ $$<
$$(UPO_$(1))/l/%.o: sim/designs/upstream/%.c build/upstream/$(1)/has $(B)/.flags
	@mkdir -p $$(@D)
	$$(CC) $$(KERNEL) $$(I4) -I$(UP_DIR) -Isim/designs/upstream -DUP_TREE=$$(subst .,_,$(1)) \
		$$(if $$(filter 6.1,$(1)),,-DUP_NAMED='"$(1)"') \
		$$(if $$(wildcard $$(UPT_$(1))/fs/direct-io.c),,-DUP_NO_LEGACY) -c -o $$@ $$<
$$(UPO_$(1))/kernel.o: $$(UPOBJ_$(1)) $$(UPK_$(1)) $(UP_DIR)/kernel.lds $(UP_DIR)/stubs.sh $(UP_DIR)/data $(UP_DIR)/outside
	ld -r --no-warnings -T $(UP_DIR)/kernel.lds --gc-sections $(UP_ROOTS) -u up_stub_hit -o $$@.part $$(UPOBJ_$(1)) $$(UPK_$(1))
	sh $(UP_DIR)/stubs.sh $$@.part > $$(@D)/stubs.s
	$$(CC) -c -o $$(@D)/stubs.o $$(@D)/stubs.s
	ld -r -o $$@.all $$@.part $$(@D)/stubs.o
	objcopy --wildcard --keep-global-symbol='upk_*' $$@.all $$@
up-fits-$(1): $$(UPK_$(1))
.PHONY: up-fits-$(1)
$(B)/design/upstream-$(1).o: $$(UPO_$(1))/kernel.o $$(UPL_$(1))
	@mkdir -p $$(@D)
	ld -r -o $$@.all $$^
	objcopy --keep-global-symbol=design_upstream_$$(subst .,_,$(1)) $$@.all $$@
-include $$(UPOBJ_$(1):.o=.d) $$(UPK_$(1):.o=.d) $$(UPL_$(1):.o=.d)
endef
$(foreach t,$(UP_TREES),$(eval $(call up_tree,$(t))))

UP_DESIGNO := $(UP_TREES:%=$(B)/design/upstream-%.o)
UP_SYMS := $(subst -,_,$(DESIGNS)) $(addprefix upstream_,$(subst .,_,$(UP_TREES)))
# made anew when a tree has come or gone
$(B)/gen/designs-upstream.c: FORCE
	@mkdir -p $(@D)
	@$(call designs_table,$(UP_SYMS)) > $@.part; cmp -s $@.part $@ || cp $@.part $@
$(B)/gen/designs-upstream.o: $(B)/gen/designs-upstream.c
	$(CC) $(KERNEL) $(I5) -c -o $@ $<
$(B)/diolab-upstream: $(LAB) $(B)/scenarios/cli/main.o $(DESIGNO) $(UP_DESIGNO) $(B)/gen/designs-upstream.o
	$(CC) $(LDFLAGS) $(UP_LD) -o $@ $^ $(LDLIBS)

# ---- the tests that every design must pass, about these; those of scenarios/tests/sim/designs/upstream/ beside them --------
# The suites are called upstream_6_1_loop_ctl and so on. A tree of KSRC has none; that of mk/upstream-mutants.sh has.
UP_TESTED := $(filter 6.1 6.12 mutant,$(UP_TREES))
UP_OWNT := $(call o,$(DTESTS)/upstream/*.c)
# All of the common ones: those that Linux cannot hold are skipped, and say why (RIG_APART, and others of rig.h).
UP_CTESTS := $(COMMONT) $(UP_OWNT)
$(UP_OWNT): INC = $(I5) $(IT)
define up_tests
$(B)/design-test/upstream-$(1)/subject.o: $$(SUBJECT) $(B)/.flags
	@mkdir -p $$(@D)
	$$(CC) $$(KERNEL) $$(I5) -DLAB_DESIGN=upstream_$$(subst .,_,$(1)) -c -o $$@ $$<
$(B)/design-test/upstream-$(1).o: $$(UP_CTESTS) $(B)/design-test/upstream-$(1)/subject.o
	$$(call link_tests,upstream-$$(subst .,_,$(1)))
-include $(B)/design-test/upstream-$(1)/subject.d
endef
$(foreach t,$(UP_TESTED),$(eval $(call up_tests,$(t))))
UP_DTESTO := $(UP_TESTED:%=$(B)/design-test/upstream-%.o)
$(B)/tests-upstream: $(LAB) $(HARNESS) $(UP_DTESTO) $(DESIGNO) $(UP_DESIGNO) $(B)/gen/designs-upstream.o $(B)/scenarios/harness/inproc.o
	$(CC) $(LDFLAGS) $(UP_LD) -o $@ $^ $(LDLIBS)
count-tests-upstream: $(UP_DTESTO)
	@nm $^ | awk '$$2 ~ /^[RrDd]$$/ && $$3 ~ /^lab_test__/' | wc -l
.PHONY: count-tests-upstream
-include $(UP_OWNT:.o=.d)

ifneq ($(filter 6.12,$(UP_TREES)),)
include mk/upstream-kunit.mk
endif
ifneq ($(filter 6.1,$(UP_TREES)),)
include mk/upstream-props.mk
include mk/upstream-trace.mk
endif
