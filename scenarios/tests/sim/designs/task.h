/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * task.h - H2, seen from the file's own operations. What a file's operations are is each design's own: its task.c puts
 * a spy there that calls task_look(), and leaves the rest to task_clean_for_the_file().
 */
#ifndef LAB_DESIGN_TASK_H
#define LAB_DESIGN_TASK_H

#include "rig.h"

/* Note what is in the running task. */
void task_look(void);
/* Bios to the loop device of @r, whose file has the spy, from a task in a transaction of the filesystem above. */
void task_clean_for_the_file(struct rig *r);

#endif
