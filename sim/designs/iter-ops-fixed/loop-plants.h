/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loop-plants.h - the loop driver's part of the bugs on purpose (kc/plant.h): nothing, but in the builds made to find
 * them. Included by loop.h, whose commands it knows.
 */
#ifndef LAB_ITER_OPS_FIXED_LOOP_PLANTS_H
#define LAB_ITER_OPS_FIXED_LOOP_PLANTS_H

/* H7: the file whose i_dio_count a write holds from when it is handed to a worker until that has been at the file. */
static inline struct inode *loop_plant_counts(const struct loop_cmd *cmd)
{
	blk_opf_t opf = loop_cmd_opf(cmd);

	if (!lab_planted(H7) || !op_is_write(opf) || lab_op_no_data(opf) || !loop_cmd_bytes(cmd))
		return NULL;
	return cmd->lo->file->f_inode;
}

static inline void loop_plant_handed_over(const struct loop_cmd *cmd)
{
	struct inode *inode = loop_plant_counts(cmd);

	if (inode)
		atomic_inc(&inode->i_dio_count);	/* lab_inode_dio_begin() is for who holds i_rwsem */
}

/* H6: it is counted as a write once more. Return: for loop_plant_end(), since the command may be gone by then. */
static inline struct inode *loop_plant_goes_on(const struct loop_cmd *cmd)
{
	if (lab_planted(H6) && cmd->counted) {
		lab_sb_start_write(cmd->lo->file->f_inode, false);
		lab_sb_end_write(cmd->lo->file->f_inode);
	}
	return loop_plant_counts(cmd);
}

static inline void loop_plant_end(struct inode *counts)
{
	if (counts)
		lab_inode_dio_end(counts);
}

#endif
