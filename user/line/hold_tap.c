// SPDX-License-Identifier: GPL-2.0-only
#include "line/hold.h"

#include "lib/cleanup.h"
#include "lib/rtnl.h"
#include "line/hold_frame.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

/* Since Linux 6.2. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* The largest that a TAP has: 65,535 less the Ethernet header. */
#define TAP_MTU 65521

static int open_device(struct error *err)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0)
		return fd;
	switch (errno) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return err__set(
			err, -ENOENT,
			"the delay line needs /dev/net/tun: load the module tun (modprobe tun), "
			"or in a container pass the device (--device /dev/net/tun)");
	case EPERM:
	case EACCES:
		return err__set(
			err, -errno,
			"the delay line may not open /dev/net/tun: %s. The device's mode must let "
			"this user read and write it, in a container a device rule too (c 10:200 "
			"rw)",
			strerror(errno));
	default:
		return err__set(err, -errno, "open /dev/net/tun: %s", strerror(errno));
	}
}

static int set_offloads(int fd)
{
	unsigned int tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

	if (!ioctl(fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6))
		return 0;
	/* An older kernel segments UDP before the TAP. */
	return ioctl(fd, TUNSETOFFLOAD, tcp);
}

static int make_tap(int fd, const char *name)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int vnet = HOLD_VNET;

	memcpy(ifr.ifr_name, name, strlen(name) + 1);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &vnet) < 0 ||
	    set_offloads(fd) < 0)
		return -errno;
	return 0;
}

static int set_up(const char *name, unsigned int queue_len, int *ret_ifindex)
{
	_cleanup_(cleanup_rtnl) struct rtnl rt = {0};
	int r = rtnl__open(&rt), ifindex;

	if (r)
		return r;
	ifindex = rtnl__ifindex(&rt, name);
	if (ifindex < 0)
		return ifindex;
	/* Up with a queue of length 0 it gets no qdisc: no other queue, no lock, no one's default_qdisc
	 * that drops. The length then is the length of the ring that is read from. */
	r = rtnl__set_queue_len(&rt, ifindex, 0);
	if (!r)
		r = rtnl__set_mtu(&rt, ifindex, TAP_MTU);
	if (!r)
		r = rtnl__up_silent(&rt, ifindex);
	if (!r)
		r = rtnl__set_queue_len(&rt, ifindex, queue_len);
	if (!r)
		*ret_ifindex = ifindex;
	return r;
}

int hold__open_tap(const char *name, unsigned int queue_len, int *ret_ifindex, struct error *err)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (!*name || strlen(name) >= IFNAMSIZ)
		return err__set(err, -EINVAL, "'%s' is no name for a device", name);
	fd = open_device(err);
	if (fd < 0)
		return fd;
	r = make_tap(fd, name);
	if (!r)
		r = set_up(name, queue_len, ret_ifindex);
	if (r)
		return err__set(err, r, "cannot make the TAP device %s of the delay line: %s", name,
				strerror(-r));
	return TAKE_FD(fd);
}
