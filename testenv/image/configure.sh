# Turns a minimal Debian into what a small server looks like after its
# installation. Runs as root inside the file tree of the image.

# What only the builders of images need; policy-rc.d would keep every service
# that is installed later from starting.
rm -f /usr/sbin/policy-rc.d /etc/apt/apt.conf.d/docker-* /etc/dpkg/dpkg.cfg.d/docker*
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log /var/log/alternatives.log

# Every machine gets an identity of its own: systemd writes the id on the first
# boot, testenv puts the host key in before it.
: > /etc/machine-id
rm -f /var/lib/dbus/machine-id /etc/ssh/ssh_host_*

# A user as on a cloud's machines: no password, but all rights through sudo.
useradd --create-home --shell /bin/bash --uid 1000 --password '*' ops
echo 'ops ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/ops
chmod 0440 /etc/sudoers.d/ops
install -d -m 0700 /root/.ssh
install -d -m 0700 -o ops -g ops /home/ops/.ssh

echo 'LANG=C.UTF-8' > /etc/default/locale

# Nobody has a password here. The method is on all the same, so that a wrong
# password is refused the way it is on machines that have some.
cat > /etc/ssh/sshd_config.d/weir.conf <<'END'
PasswordAuthentication yes
PermitRootLogin prohibit-password
END

# What a container has no use for: hardware, consoles, and timers that would
# take apt's lock behind a test's back.
for unit in \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
    console-getty.service getty-static.service getty.target \
    dev-hugepages.mount sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
    modprobe@.service proc-sys-fs-binfmt_misc.automount systemd-binfmt.service systemd-modules-load.service \
    systemd-udevd.service systemd-udev-trigger.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
    systemd-remount-fs.service systemd-networkd-wait-online.service systemd-pstore.service systemd-firstboot.service \
    systemd-hwdb-update.service; do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done
systemctl enable ssh.service
systemctl set-default multi-user.target
