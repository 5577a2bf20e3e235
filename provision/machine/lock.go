package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"weir/provision/remote"
)

// LockedError says that another run is changing the machine.
type LockedError struct {
	Machine string
	// Holder is what the other run said of itself: who, from where, since when.
	Holder string
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("machine %s is being changed by %s: wait for it to end, or end it", e.Machine, e.Holder)
}

// lockScript holds a kernel lock for as long as its standard input stays open.
// The kernel gives it back when the session ends, however it ends, so that a
// lock is never left behind by a run that was killed.
const lockScript = `set -eu
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /run/weir
exec 9>>/run/weir/lock
if ! flock --nonblock 9; then
  printf 'held %s\n' "$(head -c 1024 /run/weir/holder 2>/dev/null | tr -d '\n')"
  exit 0
fi
printf '%s\n' HOLDER >/run/weir/holder
echo locked
cat >/dev/null
`

func lockText(holder string) string {
	return strings.Replace(lockScript, "HOLDER", remote.Quote(strings.ReplaceAll(holder, "\n", " ")), 1)
}

// Lock keeps other runs from changing the machine until unlock is called or the
// connection ends. holder says who holds it ("anna@desk, ops up, pid 4711").
// Where another run holds it, the error is a *LockedError.
func Lock(ctx context.Context, r remote.Runner, holder string) (unlock func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	stdin, release := io.Pipe()
	said := make(chan string, 1)
	ended := make(chan error, 1)
	go func() {
		_, err := r.Run(ctx, remote.Script{
			Step: "lock", Root: true, Stdin: stdin,
			Text: lockText(holder),
			Line: func(line string) {
				select {
				case said <- line:
				default:
				}
			},
		})
		_ = stdin.Close()
		ended <- err
	}()
	unlock = func() {
		_ = release.Close()
		<-ended
		cancel()
	}
	select {
	case line := <-said:
		if line == "locked" {
			return unlock, nil
		}
		unlock()
		return nil, &LockedError{Machine: r.Machine(), Holder: strings.TrimPrefix(line, "held ")}
	case err := <-ended:
		cancel()
		if err == nil {
			err = errors.New("the lock's session ended at once")
		}
		return nil, fmt.Errorf("machine %s: lock: %w", r.Machine(), err)
	}
}
