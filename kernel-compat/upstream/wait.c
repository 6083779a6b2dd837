// SPDX-License-Identifier: GPL-2.0-only
/*
 * wait.c - the kernel's own wait queues and completions, compiled as it compiles them: as parts of one unit.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/poll.h>
#include <linux/sched/cputime.h>
#include <linux/sched/debug.h>
#include <linux/sched/signal.h>
#include "kernel/sched/sched.h"
#include "kernel/sched/wait.c"
#include "kernel/sched/swait.c"
#include "kernel/sched/completion.c"
