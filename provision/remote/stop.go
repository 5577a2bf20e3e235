package remote

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"
)

const (
	// stopTimeout bounds how long a cancelled Run waits for the machine to say
	// that it told the script: a few round trips where the machine is well.
	stopTimeout = 2 * time.Second
	// stopGrace is how long, in seconds, a script may take to clean up after
	// SIGTERM before it is killed.
	stopGrace = 5
)

// newTag names one run of a script on a machine, so that it can be found there.
func newTag() string { return "weir-" + strings.ToLower(rand.Text()[:16]) }

// stopper is a shell program that ends the process group of the run with that
// tag: SIGTERM at once, SIGKILL after the grace. SSH's own signals do not
// do: they do not reach what sudo runs, and leave children of the shell behind
// (seen with OpenSSH 9.2).
//
// The tag is an argument of the script's shell. The brackets keep grep from
// finding itself. The third word after the name in /proc/PID/stat is the group.
// kill is given neither -s nor "--": dash wants the "--" that busybox refuses.
func stopper(tag string) string {
	return fmt.Sprintf(`for f in $(grep -al "[%s]%s" /proc/[0-9]*/cmdline 2>/dev/null); do `+
		`read -r stat 2>/dev/null < "${f%%/cmdline}/stat" || continue; set -- ${stat##*) }; `+
		`[ "$3" -gt 1 ] && kill -TERM "-$3" 2>/dev/null || continue; `+
		`(i=0; while [ $i -lt %d ] && kill -0 "-$3"; do sleep 1; i=$((i + 1)); done; kill -KILL "-$3") </dev/null >/dev/null 2>&1 & `+
		`done`, tag[:1], tag[1:], stopGrace)
}

// stop ends a task on the machine, as well as that can be done in stopTimeout:
// a machine that is not there must not hold up who gave up on it. One at a time,
// so that stopping many scripts does not go beyond sshd's sessions.
func (c *Client) stop(t task) {
	if t.tag == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	select {
	case c.stopping <- struct{}{}:
	case <-ctx.Done():
		return
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		defer func() { <-c.stopping }()
		session, err := c.ssh.NewSession()
		if err != nil {
			return
		}
		defer session.Close() //nolint:errcheck // it has ended
		if t.become.password != "" {
			session.Stdin = strings.NewReader(t.become.password + "\n")
		}
		_ = session.Run(t.become.command(stopper(t.tag)))
	}()
	select {
	case <-told:
	case <-c.done:
	case <-ctx.Done():
	}
}
