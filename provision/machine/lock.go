package machine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"weir/provision/remote"
)

const (
	// lockBeat is how often the holder of a lock says that it lives.
	lockBeat = 5 * time.Second
	// lockPatience is for how long a machine believes in a holder that says
	// nothing. A connection is given up after 35 s of silence (remote's
	// keepalive), so that by then the holder knows that it lost the lock; and a
	// beat that queues behind 2 MB, all that SSH lets a stream have under way,
	// arrives in time over 50 kB/s.
	lockPatience = 45 * time.Second
)

// LockedError says that another run is changing the machine.
type LockedError struct {
	Machine string
	// Holder is what the other run said of itself: who, from where.
	Holder string
	// Held is for how long it has had the lock, Silent for how long nothing was
	// heard of it, both by the machine's clock.
	Held, Silent time.Duration
}

// Error also says what comes of a holder that is dead.
func (e *LockedError) Error() string {
	return fmt.Sprintf("machine %s is being changed by %s, for %v, last heard of %v ago: wait for it to end, or end it; "+
		"if it is dead, the machine is free %v after it was last heard of, run again then",
		e.Machine, e.Holder, e.Held, e.Silent, lockPatience)
}

// LockLostError says that a run must not go on changing a machine, as another
// may have begun to.
type LockLostError struct {
	Machine string
	Err     error
}

func (e *LockLostError) Error() string {
	return fmt.Sprintf("machine %s: its lock was lost: %v; run again", e.Machine, e.Err)
}

func (e *LockLostError) Unwrap() error { return e.Err }

// Lock is a machine's lock while one run has it.
type Lock struct {
	machine string
	beats   *io.PipeWriter
	stop    context.CancelFunc
	ended   chan struct{} // closed when the session has ended; err is set by then
	err     error
	once    sync.Once
}

// Acquire keeps other runs from changing the machine until Release is called or
// the connection ends, at the latest 45 s after the machine last heard of this
// process. holder says who has the lock ("anna on desk, process 4711"). Where
// another run has it, the error is a *LockedError.
func Acquire(ctx context.Context, r remote.Runner, holder string) (*Lock, error) {
	ctx, cancel := context.WithCancel(ctx)
	stdin, beats := io.Pipe()
	l := &Lock{machine: r.Machine(), beats: beats, stop: cancel, ended: make(chan struct{})}
	said := make(chan string, 1)
	go func() {
		defer close(l.ended)
		_, l.err = r.Run(ctx, remote.Script{
			Step: "lock", Root: true, Stdin: stdin, Text: lockScript(holder),
			Line: func(line string) {
				select {
				case said <- line:
				default:
				}
			},
		})
		_ = stdin.Close()
	}()
	select {
	case line := <-said:
		if line == "locked" {
			go l.beat()
			return l, nil
		}
		l.Release()
		return nil, parseLocked(r.Machine(), line)
	case <-l.ended:
		cancel()
		if l.err == nil {
			l.err = errors.New("the lock's session ended at once")
		}
		return nil, fmt.Errorf("machine %s: lock: %w", r.Machine(), l.err)
	}
}

// beat tells the machine that this process lives. A connection that takes
// nothing blocks it, which is what the machine is to notice.
func (l *Lock) beat() {
	tick := time.NewTicker(lockBeat)
	defer tick.Stop()
	for {
		select {
		case <-l.ended:
			return
		case <-tick.C:
			if _, err := io.WriteString(l.beats, "."); err != nil {
				return
			}
		}
	}
}

// Lost is nil while the lock is held, and a *LockLostError once its session has
// ended without Release.
func (l *Lock) Lost() error {
	select {
	case <-l.ended:
		return &LockLostError{Machine: l.machine, Err: cmp.Or(l.err, errors.New("its session ended"))}
	default:
		return nil
	}
}

// Release gives the lock back. It may be called again.
func (l *Lock) Release() {
	l.once.Do(func() {
		_ = l.beats.Close()
		<-l.ended
		l.stop()
	})
}

// lockText holds a kernel lock for as long as the holder is heard of: the kernel
// gives it back when the session ends, however it ends. What ends without
// telling anybody, a computer that lost its network, is noticed by the beats
// that do not come; sshd itself would take hours. The SSH connection is then
// ended as a whole, as its other scripts belong to the same dead run: they end
// when they next read or write.
//
// The beats are read by a child that has let the lock go: `timeout` leaves the
// process group, and a lock that it kept would outlive a shell that was killed.
const lockText = `set -eu
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd /run
mkdir -p weir
exec 9>>weir/lock
age() { stat -c %Y "$1" 2>/dev/null || date +%s; }
if ! flock --nonblock 9; then
  now=$(date +%s)
  printf 'held %d %d %s\n' "$((now - $(age weir/holder)))" "$((now - $(age weir/beat)))" "$(head -c 1024 weir/holder 2>/dev/null | tr -d '\n')"
  exit 0
fi
printf '%s\n' HOLDER >weir/holder
: >weir/beat
echo locked
while beat=$(exec 9>&-; timeout PATIENCE dd bs=1 count=1 2>/dev/null); do
  [ "$beat" = . ] || exit 0 # given back
  : >weir/beat
done
p=$$
while [ "$p" -gt 1 ]; do
  read -r name <"/proc/$p/comm"
  case $name in sshd*|dropbear*) kill "$p"; break ;; esac
  read -r stat <"/proc/$p/stat"
  set -- ${stat##*) }
  p=$2
done
`

func lockScript(holder string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, holder)
	return strings.NewReplacer(
		"HOLDER", remote.Quote(clean), "PATIENCE", fmt.Sprint(int(lockPatience.Seconds())),
	).Replace(lockText)
}

// parseLocked reads "held SECONDS SECONDS HOLDER".
func parseLocked(machine, line string) *LockedError {
	e := &LockedError{Machine: machine, Holder: "another run"}
	var held, silent int64
	if n, _ := fmt.Sscanf(line, "held %d %d", &held, &silent); n == 2 {
		e.Held, e.Silent = seconds(held), seconds(silent)
		if words := strings.SplitN(line, " ", 4); len(words) == 4 && words[3] != "" {
			e.Holder = remote.Plain(words[3])
		}
	}
	return e
}

// seconds keeps what a machine says within what a duration holds.
func seconds(n int64) time.Duration { return time.Duration(min(max(n, 0), 1<<31)) * time.Second }
