package remotetest

import (
	"bytes"
	"io"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

// Trick is a session that misbehaves instead of running its command. It must
// end when gone is closed: the client has closed the session.
type Trick func(channel ssh.Channel, gone <-chan struct{})

// EndlessStdout writes to standard output as long as it is let.
func EndlessStdout(channel ssh.Channel, _ <-chan struct{}) {
	chunk := bytes.Repeat([]byte("y\n"), 16<<10)
	for {
		if _, err := channel.Write(chunk); err != nil {
			return
		}
	}
}

// EndlessLine writes to standard output without ever ending the line.
func EndlessLine(channel ssh.Channel, _ <-chan struct{}) {
	chunk := bytes.Repeat([]byte("y"), 32<<10)
	for {
		if _, err := channel.Write(chunk); err != nil {
			return
		}
	}
}

// HugeStderr writes size bytes, then "the end", to standard error and exits 1.
func HugeStderr(size int) Trick {
	return func(channel ssh.Channel, _ <-chan struct{}) {
		_, _ = channel.Stderr().Write(bytes.Repeat([]byte("x"), size))
		_, _ = channel.Stderr().Write([]byte("\nthe end\n"))
		sendExit(channel, 1)
	}
}

// NoStatus closes the session without saying how the command ended.
func NoStatus(ssh.Channel, <-chan struct{}) {}

// GarbageStatus sends an exit status that is not one.
func GarbageStatus(channel ssh.Channel, _ <-chan struct{}) {
	_, _ = channel.SendRequest("exit-status", false, []byte("?"))
}

// ExitStatus exits with that code at once; codes above 255 are for the client to survive.
func ExitStatus(code uint32) Trick {
	return func(channel ssh.Channel, _ <-chan struct{}) { sendExit(channel, code) }
}

// Hang says nothing until the client gives up.
func Hang(_ ssh.Channel, gone <-chan struct{}) { <-gone }

// Swallow takes all that the client sends, keeps none of it, adds its bytes to
// count, and exits 0.
func Swallow(count *atomic.Int64) Trick {
	return func(channel ssh.Channel, _ <-chan struct{}) {
		n, _ := io.Copy(io.Discard, channel)
		count.Add(n)
		sendExit(channel, 0)
	}
}
