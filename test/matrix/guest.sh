#!/bin/bash
# What a matrix machine does once it has a root: tells what kernel it is, runs what it was asked to, turns itself off.
# Every command leaves its output and status in /out.
# Emulated, Node takes seconds to read TypeScript: each file is read once.
export NODE_COMPILE_CACHE=/tmp/compile-cache
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb
cd "$MATRIX_ROOT" || exit 1
[ -z "$MATRIX_CARRIED" ] || export LANDWARD_WITHOUT_OVERLAY=1
node=node_modules/.bin/node
{
  uname -r
  cat /sys/kernel/security/lsm 2>/dev/null || echo -
} > /out/kernel
while read -r name command; do
  echo "matrix: $name"
  bash -c "$command" > "/out/$name.log" 2>&1 < /dev/null
  echo $? > "/out/$name.status"
done < /out/commands
if [ -n "$MATRIX_CARRIED" ]; then
  stty -F /dev/ttyS1 raw -echo
  tar -C /out -cf - . | gzip | cat > /dev/ttyS1 && sleep 1
fi
sync
echo o > /proc/sysrq-trigger
sleep 60
