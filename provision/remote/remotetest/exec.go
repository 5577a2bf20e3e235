package remotetest

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// session is one command: RFC 4254, section 6, without terminals.
func (s *Server) session(offer ssh.NewChannel, sessions *atomic.Int64) {
	channel, requests, err := offer.Accept()
	if err != nil {
		sessions.Add(-1)
		return
	}
	defer channel.Close()  //nolint:errcheck // the client may be gone
	defer sessions.Add(-1) // before the client learns that it may open another
	for r := range requests {
		if r.Type != "exec" {
			_ = r.Reply(false, nil)
			continue
		}
		var payload struct{ Command string }
		if err := ssh.Unmarshal(r.Payload, &payload); err != nil {
			_ = r.Reply(false, nil)
			return
		}
		_ = r.Reply(true, nil)
		s.exec(payload.Command, channel, requests)
		return
	}
}

func (s *Server) exec(command string, channel ssh.Channel, requests <-chan *ssh.Request) {
	s.mu.Lock()
	s.log = append(s.log, command)
	trick := s.trick
	s.mu.Unlock()
	time.Sleep(s.config.Delay)
	if trick != nil {
		gone := make(chan struct{})
		go func() {
			answerAll(requests)
			close(gone)
		}()
		trick(channel, gone)
		return
	}
	s.shell(command, channel, requests)
}

// shell runs a command as sshd does: a session of its own, pipes, and, when the
// client closes the channel, closed pipes but no signal.
func (s *Server) shell(command string, channel ssh.Channel, requests <-chan *ssh.Request) {
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.Env = append(os.Environ(), s.config.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipes, err := newPipes(cmd)
	if err != nil {
		return
	}
	if err := cmd.Start(); err != nil {
		pipes.closeAll()
		return
	}
	pipes.closeTheirs()
	go copyAndClose(pipes.stdin, channel)
	var output sync.WaitGroup
	output.Go(func() { _, _ = io.Copy(channel, pipes.stdout); _ = pipes.stdout.Close() })
	output.Go(func() { _, _ = io.Copy(channel.Stderr(), pipes.stderr); _ = pipes.stderr.Close() })
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		answerAll(requests)
	}()
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		output.Wait()
		ended <- err
	}()
	select {
	case err := <-ended:
		sendStatus(channel, err)
	case <-gone:
		_ = channel.Close()
		pipes.closeOurs()
		select {
		case <-ended:
		case <-s.closing: // a test must leave no process behind
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
		}
	}
}

func sendStatus(channel ssh.Channel, err error) {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status := exit.Sys().(syscall.WaitStatus)
		if status.Signaled() {
			sendSignalled(channel, status.Signal())
			return
		}
		sendExit(channel, uint32(status.ExitStatus()))
		return
	}
	sendExit(channel, 0)
}

func sendExit(channel ssh.Channel, code uint32) {
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{code}))
}

func sendSignalled(channel ssh.Channel, signal syscall.Signal) {
	names := map[syscall.Signal]string{syscall.SIGTERM: "TERM", syscall.SIGKILL: "KILL", syscall.SIGSEGV: "SEGV"}
	_, _ = channel.SendRequest("exit-signal", false, ssh.Marshal(struct {
		Name   string
		Core   bool
		Reason string
		Lang   string
	}{names[signal], false, "", ""}))
}

// pipes are a command's three streams: real pipes, whose two ends are closed
// apart, and not exec's, which would end only with the client's input.
type pipes struct {
	stdin          *os.File
	stdout, stderr *os.File
	theirs         []*os.File
}

func newPipes(cmd *exec.Cmd) (*pipes, error) {
	inR, inW, err1 := os.Pipe()
	outR, outW, err2 := os.Pipe()
	errR, errW, err3 := os.Pipe()
	p := &pipes{stdin: inW, stdout: outR, stderr: errR, theirs: []*os.File{inR, outW, errW}}
	if err := errors.Join(err1, err2, err3); err != nil {
		p.closeAll()
		return nil, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = inR, outW, errW
	return p, nil
}

func (p *pipes) closeTheirs() {
	for _, f := range p.theirs {
		_ = f.Close()
	}
}

func (p *pipes) closeOurs() {
	for _, f := range []*os.File{p.stdin, p.stdout, p.stderr} {
		_ = f.Close()
	}
}

func (p *pipes) closeAll() {
	p.closeTheirs()
	p.closeOurs()
}
