# SPDX-License-Identifier: GPL-2.0-only
#
# diolab - every verb. `make help` lists them. One build is made by mk/build.mk; tests by mk/check.sh.

MAKEFLAGS += --no-print-directory
J := -j$(shell nproc)
build = $(MAKE) $(J) -s -f mk/build.mk V=$(1) $(2)

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-28s%s\n", $$1, $$2 }'

all: ## build the release and the check program (build/diolab links to the release)
	@$(call build,release,all)
	@ln -sf release/diolab build/diolab
	@$(call build,check,all)

compare: ## install what is missing, build, compare the designs on a real O_DIRECT file, write reports/out/
	@mk/setup.sh compare
	@$(call build,release,all)
	@ln -sf release/diolab build/diolab
	@mk/compare.sh

check: ## install what is missing, build with ASan and UBSan, run every test and the structure checks
	@mk/setup.sh check
	@mk/check.sh

lint: ## include order, what each layer asks of the world below, one layout for shared types
	@mk/setup.sh lint
	@$(call build,release,all)
	@mk/lint.sh

check-variants: ## every test with 4 bio_vecs a bio, as release code, and with either hand-off alone, under ASan and UBSan
	@mk/setup.sh check
	@mk/check-variants.sh

check-valgrind: ## every test under memcheck, then a planted leak and a planted use-after-free that it must find
	@mk/setup.sh valgrind
	@mk/check-valgrind.sh

check-tsan: ## every test on threads under ThreadSanitizer, then a planted race that it must find
	@mk/setup.sh tsan
	@mk/check-tsan.sh

check-planted: ## the bugs that make check must find (leak, use-after-free, overrun) are found under ASan
	@mk/setup.sh check
	@mk/planted.sh asan

upstream-iov: ## Linux 6.1's own iov_iter.c, unmodified, on kernel-compat (needs Debian's linux-source-6.1, else skips)
	@mk/setup.sh upstream
	@mk/upstream-iov.sh

upstream-iov-mutants: ## the same, and copies of it with one mistake each, all of which must be found
	@mk/setup.sh upstream
	@mk/upstream-iov.sh --mutants

upstream: ## Linux's own iov_iter, direct IO, bio, blk-mq and loop as the design upstream (KERNEL=6.12, KSRC=DIR NAME=word: others beside it)
	@mk/setup.sh upstream
	@mk/upstream.sh

upstream-check: ## the design upstream under ASan: every byte, operations against our designs, a tree of one's own
	@mk/setup.sh upstream
	@mk/upstream-check.sh

upstream-calibrate: ## what an IO costs in Linux's own code and in MODEL (iter-bvec@6.1), counter by counter (KERNEL=6.12: in that)
	@mk/setup.sh upstream
	@mk/upstream-calibrate.sh $(MODEL)

upstream-props-mutants: ## random operations on bios and limits, here and in Linux; mistakes in sim/block must be found
	@mk/setup.sh upstream
	@mk/upstream-props.sh --mutants

upstream-trace-mutants: ## Linux's block events beside those of a design and of the disk below; mistakes in trace.c must be found
	@mk/setup.sh upstream
	@mk/upstream-trace.sh --mutants

upstream-kunit: ## Linux 6.12's own KUnit tests of iov_iter, on its own iov_iter.c (needs linux-source-6.12, else skips)
	@mk/setup.sh upstream
	@mk/upstream-kunit.sh

upstream-kunit-mutants: ## the same, and copies of iov_iter.c with one mistake each, which they must find
	@mk/setup.sh upstream
	@mk/upstream-kunit.sh --mutants

upstream-mutants: ## copies of Linux's files with one mistake each, which must be found
	@mk/setup.sh upstream
	@mk/upstream-mutants.sh

upstream-coverage: ## lines of Linux's own files that the runs of upstream-check and its like reach
	@mk/setup.sh upstream
	@mk/upstream-coverage.sh

coverage: ## line and branch coverage of all tests, HTML in reports/out/coverage/
	@mk/setup.sh coverage
	@mk/coverage.sh

real: ## every design against the running kernel, on an O_DIRECT file and a real loop device (root), 20 fresh seeds
	@mk/setup.sh compare
	@$(call build,release,all)
	@mk/real.sh

bench: ## instructions, indirect calls, CPU time per IO of each design
	@mk/setup.sh bench
	@mk/bench.sh

ablation: ## the idea alone, every knob alone: instructions, counts and paired CPU time (some ten minutes)
	@mk/setup.sh bench
	@mk/ablation.sh

stack: ## bytes of stack by number of nested loop devices, per design and hand-off
	@mk/setup.sh compare
	@mk/stack.sh

hazards: ## the hazards, the defects, flushes and FUA per design, measured again and held against scenarios/hazards.md
	@mk/setup.sh check
	@mk/hazards.sh

clean: ## remove build/ and reports/out/
	rm -rf build reports/out

.PHONY: help all compare check lint check-variants check-valgrind check-tsan check-planted upstream-iov upstream-iov-mutants coverage real bench ablation stack hazards clean
.PHONY: upstream upstream-check upstream-calibrate upstream-coverage upstream-mutants upstream-props-mutants upstream-trace-mutants upstream-kunit upstream-kunit-mutants
