// SPDX-License-Identifier: GPL-2.0-only
/*
 * plant.c - which bug is planted, in the builds that can (kernel-compat/include/kc/plant.h). Empty in every other.
 */
#ifdef LAB_PLANTS
#include <stdlib.h>
#include "host.h"

int host_plant;

__attribute__((constructor)) static void host_plant_init(void)
{
	const char *which = getenv("LAB_PLANT");

	host_plant = which ? atoi(which) : 0;
}
#endif
