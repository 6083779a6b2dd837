# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-trace.mk - kernel-compat/upstream/trace.c with a mistake in it, for mk/upstream-trace.sh --mutants; part of
# mk/upstream.mk, and nothing without the tree 6.1.
#
# build/upstream-trace/mutants/NAME.c is a copy of trace.c, in its place in diolab-NAME.
UTB := $(B)/upstream-trace
$(UTB)/%.o: build/upstream-trace/mutants/%.c build/upstream/6.1/has $(B)/.flags
	@mkdir -p $(@D)
	$(CC) $(UP_C) $(UPI_6.1) -I$(UPT_6.1) -Ikernel-compat -I$(UP_DIR) -w $(call UP_MOD,trace.c) -c -o $@ $<
$(UTB)/%.design: $(UTB)/%.o $(UPO_6.1)/kernel.o $(UPL_6.1)
	ld -r --no-warnings -T $(UP_DIR)/kernel.lds --gc-sections $(UP_ROOTS) -u up_stub_hit -o $@.part \
		$(UPOBJ_6.1) $(filter-out %/k/trace.o,$(UPK_6.1)) $<
	sh $(UP_DIR)/stubs.sh $@.part > $@.s
	$(CC) -c -o $@.stubs $@.s
	ld -r -o $@.all $@.part $@.stubs
	objcopy --wildcard --keep-global-symbol='upk_*' $@.all
	ld -r -o $@.part $@.all $(UPL_6.1)
	objcopy --keep-global-symbol=design_upstream_6_1 $@.part $@
	@rm -f $@.part $@.all $@.stubs $@.s
$(UTB)/diolab-%: $(UTB)/%.design $(LAB) $(B)/scenarios/cli/main.o $(DESIGNO) $(UP_DESIGNO) $(B)/gen/designs-upstream.o
	$(CC) $(LDFLAGS) $(UP_LD) -o $@ $(filter-out $(B)/design/upstream-6.1.o,$^) $(LDLIBS)
-include $(wildcard $(UTB)/*.d)
