#!/bin/sh
# The machine's start, in place of an init: its disks, its servers, and then the cases. It ends by switching off.
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm; mount -t devpts pts /dev/pts
mount -t tmpfs tmpfs /run; mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir -p /run/rpcbind /run/samba /run/lock /srv/export /srv/local
hostname vm; ip link set lo up
for module in nfsd nfs nfsv3 nfsv4 cifs sch_ingress cls_u32 act_gact quota_v2; do modprobe $module; done
# What the daemon has sent and nobody has read is little, so an upload that is held has not read its file to the end.
# A buffer must hold several packets, or the connection crawls.
ip link set lo mtu 16384
sysctl -q -w net.ipv4.tcp_wmem="4096 65536 262144" net.ipv4.tcp_rmem="4096 131072 262144"

mke2fs -F -q -t ext4 -m 0 -O quota -E quotatype=usrquota /dev/ubdb; mount -o usrquota /dev/ubdb /srv/export
mke2fs -F -q -t ext4 -m 0 /dev/ubdc; mount /dev/ubdc /srv/local
chmod 755 /srv/export /srv/local
useradd -M smb; printf 'pw\npw\n' | smbpasswd -a -s smb; useradd -M tr

mount -t nfsd nfsd /proc/fs/nfsd
mkdir -p /var/lib/nfs/rpc_pipefs /var/lib/nfs/v4recovery; mount -t rpc_pipefs rpc /var/lib/nfs/rpc_pipefs
rpcbind -w; rpc.statd --no-notify

cd /
python3 -m nas.guest >>/run-folder/told 2>/dev/console
sync; echo o >/proc/sysrq-trigger; sleep 60
