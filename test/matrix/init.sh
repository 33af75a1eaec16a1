#!/bin/busybox sh
# The first process of a matrix machine: loads modules, puts a root together from the host's files, starts the tests.
# The root is a tmpfs with the host's /usr and /etc on it, read-only; the tree of landward is a copy that may be written.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do
  insmod "/modules/$module" 2>/dev/console || echo "matrix: $module was not loaded"
done < /modules/order

share() { mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$3" "$1" "$2"; }
fail() { echo "matrix: $1"; poweroff -f; }

mkdir -p /host /root-new
. /matrix.env
mount -t tmpfs -o mode=755,size=80% tmpfs /root-new
cd /root-new || fail 'no root'
mkdir -p usr etc proc sys dev tmp run root home var out mnt opt
if [ -n "$MATRIX_CARRIED" ]; then
  # No modules, so nothing of the host can be seen: the root came along.
  cp -a /payload/. .
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$name"; done
else
  share host /host ro,cache=loose || fail 'the files of the host cannot be reached'
  mount --bind /host/usr usr
  mount -o remount,ro,bind usr
  cp -a /host/etc/. etc/ 2>/dev/null
  for name in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/host/$name" ]; then cp -a "/host/$name" "$name"; fi
  done
  share out out rw,cache=none || fail 'there is nowhere to write results'
  mkdir -p ".$MATRIX_ROOT"
  cp -a "/host$MATRIX_TREE/." ".$MATRIX_ROOT/"
  mkdir -p ".$MATRIX_ROOT/node_modules"
  mount --bind "/host$MATRIX_ROOT/node_modules" ".$MATRIX_ROOT/node_modules"
fi
mkdir -p var/tmp var/lib var/log run/lock
chmod 1777 tmp var/tmp
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t securityfs securityfs sys/kernel/security
mount -t tracefs tracefs sys/kernel/tracing 2>/dev/null
mount -t cgroup2 cgroup2 sys/fs/cgroup 2>/dev/null
mount -t devtmpfs devtmpfs dev
mkdir -p dev/pts dev/shm
mount -t devpts -o ptmxmode=666 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -sf /proc/self/fd dev/fd
ln -sf /proc/self/fd/0 dev/stdin
ln -sf /proc/self/fd/1 dev/stdout
ln -sf /proc/self/fd/2 dev/stderr
ifconfig lo up
export MATRIX_ROOT MATRIX_CARRIED
exec switch_root /root-new /bin/bash "$MATRIX_ROOT/test/matrix/guest.sh"
