package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/testenv"
)

// everywhere runs a script as root on all machines at once, past SSH, and
// returns what each said.
func everywhere(ctx context.Context, all []testenv.Machine, script string) ([]string, error) {
	said := make([]string, len(all))
	group, ctx := errgroup.WithContext(ctx)
	for i, m := range all {
		group.Go(func() (err error) {
			said[i], err = m.Exec(ctx, "sh", "-ec", script)
			return err
		})
	}
	return said, group.Wait()
}

// pythonScript gives a machine what Ansible needs there; the tool measured
// against it needs nothing.
const pythonScript = `command -v python3 >/dev/null && exit
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends python3 python3-apt`

// pythonPatience bounds the download of a Python and its installation.
const pythonPatience = 5 * time.Minute

// wipeScript leaves a machine as it was before anything was installed: what
// runs is killed, as nobody needs its data.
const wipeScript = `for unit in $(cd /etc/systemd/system && ls -d weir-*.service 2>/dev/null); do
  systemctl disable --quiet "$unit" 2>/dev/null || true
  systemctl kill --signal KILL "$unit" 2>/dev/null || true
  systemctl stop "$unit" 2>/dev/null || true
done
rm -rf ` + ours + ` /run/weir /root/.ansible
systemctl daemon-reload
systemctl reset-failed
for user in weir-kafka weir-zookeeper; do
  if getent passwd "$user" >/dev/null; then userdel "$user"; fi
done
sync`

// ours are the places where an installation leaves something.
const ours = `/etc/weir /opt/weir /var/lib/weir /var/log/weir /etc/systemd/system/weir-* /etc/systemd/system/*.wants/weir-* /etc/sysctl.d/60-weir-* /etc/security/limits.d/60-weir*`

// traces is what a wipe must leave empty.
const traces = `ls -d ` + ours + ` 2>/dev/null || true
getent passwd | grep weir || true
pgrep -a java || true`

// wipe makes the machines bare again and looks whether they are.
func wipe(ctx context.Context, all []testenv.Machine) error {
	if _, err := everywhere(ctx, all, wipeScript); err != nil {
		return err
	}
	left, err := everywhere(ctx, all, traces)
	if err != nil {
		return err
	}
	for i, m := range all {
		if left[i] != "" {
			return fmt.Errorf("machine %s is not bare:\n%s", m.Name, left[i])
		}
	}
	return nil
}
