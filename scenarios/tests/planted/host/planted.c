// SPDX-License-Identifier: GPL-2.0-only
/*
 * planted.c - bugs on purpose in host code, where the world's audit does not look: the checkers must.
 */
#define LAB_HOST_SIDE
#include <stdlib.h>
#include "lab_test.h"

#define PLANT_BYTES 96

/* Memory of libc that nothing frees and nothing points to. */
LAB_TEST_BARE(planted, host_leak)
{
	void *volatile lost = malloc(PLANT_BYTES);

	lab_expect(lost != NULL);
	lost = NULL;
}
