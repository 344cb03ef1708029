# SPDX-License-Identifier: GPL-2.0-only
#
# What this kernel's headers have. A probe sets -DHAVE_x; beside it, the first
# kernel with it and what came. What is a macro of the kernel itself
# (BLK_OPEN_READ, ...) needs no probe: #ifdef knows.

compat-include := $(srctree)/include

# $(call has,MACRO,HEADER,EXPRESSION)
has = $(if $(shell grep -qsE '$(3)' $(compat-include)/$(2) && echo y),-DHAVE_$(1))

compat-probes := \
	$(call has,BDEV_HANDLE,linux/blkdev.h,\<bdev_open_by_dev\>) \
	$(call has,BDEV_FILE,linux/blkdev.h,\<bdev_file_open_by_dev\>) \
	$(call has,BDEV_FPUT,linux/blkdev.h,\<bdev_fput\>) \
	$(call has,BDEV_FREEZE,linux/blkdev.h,\<bdev_freeze\>) \
	$(call has,BDEV_LIMITS,linux/blkdev.h,\<bdev_limits\>) \
	$(call has,BDEV_ROT,linux/blkdev.h,\<bdev_rot\>) \
	$(call has,BDEV_RW_VIRT,linux/bio.h,\<bdev_rw_virt\>) \
	$(call has,HOLDER_OPS,linux/blkdev.h,^struct blk_holder_ops [{]) \
	$(call has,HOLDER_OPS_SURPRISE,linux/blkdev.h,mark_dead..struct block_device .bdev. bool) \
	$(call has,BDO_OPEN_DISK,linux/blkdev.h,[*]open. ?.struct gendisk) \
	$(call has,BDO_GETGEO_DISK,linux/blkdev.h,[*]getgeo..struct gendisk) \
	$(call has,MEDIA_CHANGE_DISK,linux/blkdev.h,disk_force_media_change.struct gendisk .disk.;) \
	$(call has,LIMITS_UPDATE,linux/blkdev.h,\<queue_limits_start_update\>) \
	$(call has,LIMITS_FROZEN,linux/blkdev.h,\<queue_limits_commit_update_frozen\>) \
	$(call has,WZEROES_UNMAP,linux/blkdev.h,\<max_hw_wzeroes_unmap_sectors\>) \
	$(call has,TIMER_DELETE,linux/timer.h,\<timer_delete_sync\>) \
	$(call has,HRTIMER_SETUP,linux/hrtimer.h,\<hrtimer_setup\>) \
	$(call has,WQ_PERCPU,linux/workqueue.h,\<WQ_PERCPU\>) \
	$(call has,KTHREAD_RUN_WORKER,linux/kthread.h,\<kthread_run_worker\>) \
	$(call has,BVEC_SET_VIRT,linux/bvec.h,\<bvec_set_virt\>) \
	$(call has,BVEC_SET_PAGE,linux/bvec.h,\<bvec_set_page\>) \
	$(call has,FILE_MNT_IDMAP,linux/fs.h,\<file_mnt_idmap\>) \
	$(call has,ASSIGN_STR_SRC,trace/stages/stage6_event_callback.h,define __assign_str.dst..src)

# BDEV_HANDLE 6.7 (gone in 6.9)	blkdev_get_by_dev and blkdev_put as a pair that returns a handle
# BDEV_FILE 6.9			a block device opened in the kernel is a struct file
# BDEV_FPUT 6.10		closes it at once, not by way of a task's deferred work
# BDEV_FREEZE 6.8		was freeze_bdev
# BDEV_LIMITS 6.15		was &bdev_get_queue(bdev)->limits
# BDEV_ROT 7.1			was !bdev_nonrot
# BDEV_RW_VIRT 6.16		read or write kernel memory and wait
# HOLDER_OPS 6.5		who holds a device is told of its death
# HOLDER_OPS_SURPRISE 6.6	and whether it came as a surprise
# BDO_OPEN_DISK 6.5		block_device_operations: open and release of the disk, with blk_mode_t
# BDO_GETGEO_DISK 6.18		getgeo of the disk too
# MEDIA_CHANGE_DISK 6.6		disk_force_media_change without events
# LIMITS_UPDATE 6.9		limits change as a whole: start, commit
# LIMITS_FROZEN 6.14		and freeze the queue for it in the right order
# WZEROES_UNMAP 6.17		limits for zeroes that may unmap
# TIMER_DELETE 6.2		was del_timer_sync
# HRTIMER_SETUP 6.13		initialisation with the function
# WQ_PERCPU 6.17		what a workqueue without WQ_UNBOUND always was
# KTHREAD_RUN_WORKER 6.14	was kthread_create_worker
# BVEC_SET_VIRT, BVEC_SET_PAGE 6.3
# FILE_MNT_IDMAP 6.3		was file_mnt_user_ns
# ASSIGN_STR_SRC until 6.9	__assign_str wants the source again

# 6.12: was asm/unaligned.h
ifeq ($(wildcard $(compat-include)/linux/unaligned.h),)
compat-probes += -I$(src)/compat/older
endif
