# SPDX-License-Identifier: GPL-2.0-only
#
# mk/upstream-kunit.mk - Linux 6.12's own KUnit tests of iov_iter, on its own iov_iter.c; part of mk/upstream.mk, and nothing
# without that tree.
#
# The tree's objects are those of the design upstream:6.12, with lib/kunit_iov_iter.c and a KUnit of ours beside them.
# NAME.c in build/upstream-kunit/mutants/ is a copy of iov_iter.c with one mistake in it, or in a header in the folder NAME;
# it is in the place of iov_iter.c in tests-NAME.
KU_DIR := $(UP_DIR)/kunit
KUB := $(B)/upstream-kunit
KU_REST := $(filter-out %/t/lib/iov_iter.o,$(UPOBJ_6.12)) $(UPK_6.12)
KU_OWN := $(KUB)/kunit.o $(KUB)/kunit-mem.o $(KUB)/kunit_iov_iter.o
KU_CC = $(CC) $(UP_C) -I$(KU_DIR) $(UPI_6.12) -I$(UPT_6.12) -Ikernel-compat -I$(UP_DIR)

$(KUB)/kunit_iov_iter.o: $(UPT_6.12)/lib/kunit_iov_iter.c build/upstream/6.12/has $(B)/.flags
	@mkdir -p $(@D)
	$(KU_CC) -w $(call UP_MOD,$<) -c -o $@ $<
$(KUB)/kunit.o $(KUB)/kunit-mem.o: $(KUB)/%.o: $(KU_DIR)/%.c build/upstream/6.12/has $(B)/.flags
	@mkdir -p $(@D)
	$(KU_CC) -Wall $(call UP_MOD,$<) -c -o $@ $<
$(KUB)/main.o: scenarios/tests/upstream-kunit/main.c $(B)/.flags
	@mkdir -p $(@D)
	$(CC) $(KERNEL) $(I5) -I$(UP_DIR) -c -o $@ $<
$(KUB)/iov_iter.o: $(UPO_6.12)/t/lib/iov_iter.o
	@mkdir -p $(@D)
	cp $< $@
$(KUB)/%.o: build/upstream-kunit/mutants/%.c $(B)/.flags
	@mkdir -p $(@D)
	$(CC) $(UP_C) -Ibuild/upstream-kunit/mutants/$* $(UPI_6.12) -w $(call UP_MOD,iov_iter.c) -c -o $@ $<
	@objcopy $(call UP_REDIRECT,lib/iov_iter.c) $@

# as in upstream.mk, and with upk_kunit() seen from outside
$(KUB)/tests-%: $(KUB)/%.o $(KU_REST) $(KU_OWN) $(UPL_6.12) $(KUB)/main.o $(LAB) $(DESIGNO) $(B)/gen/designs.o
	ld -r --no-warnings -T $(UP_DIR)/kernel.lds --gc-sections $(UP_ROOTS) -u up_stub_hit -u upk_kunit -o $@.part \
		$< $(KU_REST) $(KU_OWN)
	sh $(UP_DIR)/stubs.sh $@.part > $@.s
	$(CC) -c -o $@.stubs $@.s
	ld -r -o $@.all $@.part $@.stubs
	objcopy --wildcard --keep-global-symbol='upk_*' $@.all
	ld -r -o $@.part $@.all $(UPL_6.12)
	objcopy --keep-global-symbol=design_upstream_6_12 --keep-global-symbol=upk_kunit $@.part
	$(CC) $(LDFLAGS) $(UP_LD) -o $@ $(LAB) $(DESIGNO) $(B)/gen/designs.o $(KUB)/main.o $@.part $(LDLIBS)
	@rm -f $@.part $@.all $@.stubs $@.s
.PRECIOUS: $(KUB)/%.o
-include $(wildcard $(KUB)/*.d)
