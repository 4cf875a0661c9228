#!/bin/sh
# Becomes PID 1 of a throw-away machine: a real systemd in namespaces of its own. Run by tests/systemd/machine.py as
#   unshare --pid --fork --mount --uts --ipc --net boot.sh SCRATCH CGROUP REPOSITORY
# The root is an overlay over this machine's own: everything written goes to a tmpfs and is gone when PID 1 ends.
set -eu
scratch=$1 cgroup=$2 repository=$3

if [ "${4:-}" != inside ]; then
    # Only this process joins the group, then the namespace makes the group its root.
    echo 0 >"$cgroup/cgroup.procs"
    exec unshare --cgroup "$0" "$scratch" "$cgroup" "$repository" inside
fi

mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$scratch"
root=$scratch/root
mkdir "$root" "$scratch/written" "$scratch/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$scratch/written,workdir=$scratch/work" "$root"

# Read-only /sys and /proc/sys: systemd then leaves devices, modules and kernel settings of this machine alone.
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for folder in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs "$root/$folder"; done
chmod 1777 "$root/tmp"
mkdir "$root/dev/pts" "$root/dev/shm"
for node in null zero full random urandom tty; do
    touch "$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s /proc/self/fd "$root/dev/fd"

# The repository at its own place, where its environment expects it, and where the unit expects it.
mkdir -p "$root$repository" "$root/opt/jarvisd"
for place in "$repository" /opt/jarvisd; do
    mount --bind "$repository" "$root$place"
    mount -o remount,bind,ro "$root$place"
done

# Nothing that the administrator of this machine set up, only what comes with systemd, and no jarvisd's files.
rm -rf "$root/etc/systemd/system" "$root/etc/fstab" "$root/etc/jarvisd"
for folder in lib lib/private cache cache/private; do rm -rf "$root/var/$folder/jarvisd"; done
mkdir "$root/etc/systemd/system" "$root/etc/jarvisd"
[ -s "$root/etc/machine-id" ] || tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"

# The service's own user must reach the interpreter, which may lie in a home folder.
folder=$(dirname "$(readlink -f "$repository/.venv/bin/python")")
while [ "$folder" != / ]; do
    chmod a+x "$root$folder"
    folder=$(dirname "$folder")
done

ip link set lo up
cd "$root"
mkdir tmp/before
pivot_root . tmp/before
umount -l tmp/before
mount --make-rshared /
for program in /usr/lib/systemd/systemd /lib/systemd/systemd; do
    [ ! -x "$program" ] || exec setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio,-sys_boot,-syslog \
        env -i container=jarvisd-tests PATH=/usr/sbin:/usr/bin:/sbin:/bin "$program" --system \
        --show-status=0 --log-target=journal systemd.unit=basic.target </dev/null
done
exit 1
