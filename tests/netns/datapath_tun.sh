#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 60
#
# A device without link header: its packets are read as what they are, also where their bytes look
# like an Ethernet frame with an IPv4 packet in it.
. "$(dirname "$0")/tools/dp.sh"

ip netns add "$A" || skip_all "cannot make a namespace"
ip netns exec "$A" sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv6.conf.default.disable_ipv6=1
ip -n "$A" tuntap add dev tun0 mode tun || skip_all "no tun devices"
ip -n "$A" addr add 10.77.0.1/24 dev tun0
ip -n "$A" link set tun0 up

# arrives SOURCE SPORT DPORT: a UDP packet comes in by tun0
arrives()
{
	ip netns exec "$A" python3 - "$@" <<'PY'
import fcntl, os, socket, struct, sys
source, sport, dport = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"tun0", 0x1001))  # IFF_TUN | IFF_NO_PI
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 60, 0, 0, 64, 17, 0, socket.inet_aton(source),
                 socket.inet_aton("10.77.0.1"))
total = sum(struct.unpack("!10H", ip))
total = (total & 0xFFFF) + (total >> 16)
total = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
ip = ip[:10] + struct.pack("!H", total) + ip[12:]
os.write(tun, ip + struct.pack("!HHHH", sport, dport, 40, 0) + bytes(32))
PY
}

# Bytes 12 to 15 are 08 00 45 00, an Ethernet type and the start of an IPv4 header; the ports are where it
# has its fragment field and its protocol (17).
dp_start -m "a=netns:$A" -m b=cidr:8.0.69.0 -m c=cidr:192.0.2.7 -o b,a -o c,a || exit 1
check "a packet comes" arrives 192.0.2.7 1000 2000
is "it is cut" "1 1" "$(hits oneway2 c a)"
check "a packet comes that could be a frame" arrives 8.0.69.0 0 17
is "so is that one" "1 1" "$(hits oneway1 b a)"
dp_stop

finish
