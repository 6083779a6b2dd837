# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-props.mk - sim/block and Linux 6.1's block layer through the same random operations; part of mk/upstream.mk, and
# nothing without that tree.
#
# BASE.NAME.c in build/upstream-props/mutants/ is a copy of sim/block/BASE.c with one mistake in it, in its place in
# tests-BASE.NAME.
PR_DIR := $(UP_DIR)/props
PRB := $(B)/upstream-props
PRO := $(patsubst scenarios/tests/upstream-props/%.c,$(PRB)/%.o,$(wildcard scenarios/tests/upstream-props/*.c))
PR_LAB := $(LAB) $(DESIGNO) $(B)/gen/designs.o

$(PRB)/props.o: $(PR_DIR)/props.c build/upstream/6.1/has $(B)/.flags
	@mkdir -p $(@D)
	$(CC) $(UP_C) $(UPI_6.1) -I$(UPT_6.1) -Ikernel-compat -I$(UP_DIR) -Wall $(call UP_MOD,$<) -c -o $@ $<
$(PRO): $(PRB)/%.o: scenarios/tests/upstream-props/%.c $(B)/.flags
	@mkdir -p $(@D)
	$(CC) $(KERNEL) $(I5) -Isim/block -I$(UP_DIR) -c -o $@ $<
$(PRB)/linux.o: $(UPOBJ_6.1) $(UPK_6.1) $(PRB)/props.o $(UPL_6.1) $(UP_DIR)/kernel.lds $(UP_DIR)/stubs.sh
	ld -r --no-warnings -T $(UP_DIR)/kernel.lds --gc-sections $(UP_ROOTS) -u up_stub_hit -u upk_prop -o $@.part \
		$(UPOBJ_6.1) $(UPK_6.1) $(PRB)/props.o
	sh $(UP_DIR)/stubs.sh $@.part > $@.s
	$(CC) -c -o $@.stubs $@.s
	ld -r -o $@.all $@.part $@.stubs
	objcopy --wildcard --keep-global-symbol='upk_*' $@.all
	ld -r -o $@.part $@.all $(UPL_6.1)
	objcopy --keep-global-symbol=design_upstream_6_1 --keep-global-symbol=upk_prop $@.part $@
	@rm -f $@.part $@.all $@.stubs $@.s
$(PRB)/tests: $(PRB)/linux.o $(PRO) $(PR_LAB)
	$(CC) $(LDFLAGS) $(UP_LD) -o $@ $^ $(LDLIBS)
$(PRB)/m/%.o: build/upstream-props/mutants/%.c $(B)/.flags
	@mkdir -p $(@D)
	$(CC) $(KERNEL) $(I1) -Isim/block -w -c -o $@ $<
$(PRB)/tests-%: $(PRB)/m/%.o $(PRB)/linux.o $(PRO) $(PR_LAB)
	$(CC) $(LDFLAGS) $(UP_LD) -o $@ $(filter-out $(B)/sim/block/$(word 1,$(subst ., ,$*)).o,$^) $(LDLIBS)
.PRECIOUS: $(PRB)/m/%.o
-include $(wildcard $(PRB)/*.d $(PRB)/m/*.d)
