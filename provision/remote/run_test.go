package remote_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/provision/remote"
	"weir/provision/remote/remotetest"
)

// patience is far above what any of these runs takes: a test that needs it hangs.
const patience = 20 * time.Second

func TestRunScripts(t *testing.T) {
	t.Parallel()
	client := remotetest.Dial(t, remotetest.Start(t, remotetest.Config{}))
	for name, test := range map[string]struct {
		text, stdin string
		want        string
	}{
		"one command":                        {"echo hello", "", "hello\n"},
		"many lines":                         {"set -eu\nx=1\nif true; then\n  echo $x\nfi\n", "", "1\n"},
		"one that ends in a comment":         {"echo a # b", "", "a\n"},
		"one that ends in empty lines":       {"echo a\n\n\n", "", "a\n"},
		"a here document":                    {"cat <<'EOF'\n$(id) 'x'\nEOF", "", "$(id) 'x'\n"},
		"one with quotes and non-ASCII text": {`printf '%s\n' "it's" '"用"'`, "", "it's\n\"用\"\n"},
		"one of 300 kB":                      {strings.Repeat("# some comment or other\n", 12500) + "echo end", "", "end\n"},
		"nothing":                            {"", "", ""},
		"one that reads its input":           {"read a; echo \"<$a>\"; cat", "one\ntwo\n", "<one>\ntwo\n"},
		"one that has no input":              {"cat; echo end", "", "end\n"},
		"in the C locale":                    {"echo $LC_ALL", "", "C\n"},
		"with the system's tools in reach":   {`case :$PATH: in *:/usr/sbin:*) echo yes;; esac`, "", "yes\n"},
		"one that has no arguments":          {"echo $#", "", "0\n"},
		"one that leaves output without end": {"printf end", "", "end"},
	} {
		t.Run(name, func(t *testing.T) {
			s := remote.Script{Step: "test", Text: test.text}
			if test.stdin != "" {
				s.Stdin = strings.NewReader(test.stdin)
			}
			result, err := client.Run(t.Context(), s)
			if err != nil || string(result.Stdout) != test.want || len(result.Stderr) > 0 {
				t.Errorf("got %q, %q, %v; want %q", result.Stdout, result.Stderr, err, test.want)
			}
		})
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	server := remotetest.Start(t, remotetest.Config{Name: "kafka-1"})
	client := remotetest.Dial(t, server)
	for name, test := range map[string]struct {
		text  string
		trick remotetest.Trick
		exit  int
		says  string
	}{
		"with an exit code":                  {text: "echo cause >&2; exit 7", exit: 7, says: "machine kafka-1: test failed: exit code 7: cause"},
		"with a command that is not there":   {text: "nonexistent-command", exit: 127, says: "not found"},
		"with a syntax error":                {text: "if true; then", exit: 2, says: "yntax error"},
		"by a signal":                        {text: "kill -KILL $$", exit: -1, says: "killed by signal KILL"},
		"with a NUL byte":                    {text: "echo \x00", exit: -1, says: "NUL byte"},
		"without an exit status":             {trick: remotetest.NoStatus, exit: -1, says: "exit status"},
		"with an exit status that is none":   {trick: remotetest.GarbageStatus, exit: -1, says: "exit"},
		"with an exit status beyond 255":     {trick: remotetest.ExitStatus(1 << 20), exit: 1 << 20, says: "exit code"},
		"with more standard error than kept": {trick: remotetest.HugeStderr(10 << 20), exit: 1, says: "the end"},
		"with endless output":                {trick: remotetest.EndlessStdout, exit: -1, says: "longer than 16777216 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			server.Play(test.trick)
			defer server.Play(nil)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			result, err := client.Run(ctx, remote.Script{Step: "test", Text: test.text})
			failed, ok := errors.AsType[*remote.CommandError](err)
			if !ok {
				t.Fatalf("got %q, %v; want a CommandError", result.Stdout, err)
			}
			if failed.ExitCode != test.exit || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got exit code %d, %.300q; want %d, %q", failed.ExitCode, err, test.exit, test.says)
			}
			if len(failed.Stderr) > 64<<10 {
				t.Errorf("%d bytes of standard error were kept", len(failed.Stderr))
			}
		})
	}
	t.Run("and the connection goes on", func(t *testing.T) { mustRun(t, client) })
}

func TestRunStreamsLines(t *testing.T) {
	t.Parallel()
	server := remotetest.Start(t, remotetest.Config{})
	client := remotetest.Dial(t, server)
	t.Run("each as it arrives, the last without newline", func(t *testing.T) {
		var got []string
		result, err := client.Run(t.Context(), remote.Script{
			Text: `printf 'one\n\nthr'; printf 'ee\nend'`,
			Line: func(line string) { got = append(got, line) },
		})
		if fmt.Sprintf("%q", got) != `["one" "" "three" "end"]` || err != nil || result.Stdout != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("before the script ends", func(t *testing.T) {
		fifo := filepath.Join(t.TempDir(), "answer")
		_, err := client.Run(t.Context(), remote.Script{
			Text: "mkfifo " + remote.Quote(fifo) + "; echo ask; cat " + remote.Quote(fifo),
			Line: func(line string) {
				if line == "ask" {
					go os.WriteFile(fifo, []byte("answer\n"), 0o600) //nolint:errcheck // the script would hang
				}
			},
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("of a bounded length", func(t *testing.T) {
		server.Play(remotetest.EndlessLine)
		defer server.Play(nil)
		_, err := client.Run(t.Context(), remote.Script{Line: func(string) { t.Error("a line without end was handed over") }, Limit: 1 << 40})
		limit, ok := errors.AsType[*remote.LimitError](err)
		if !ok || limit.Limit != 1<<20 {
			t.Errorf("got %v, want the limit of a line", err)
		}
	})
}

// TestRunStreamsInput sends a stream behind a script that must arrive to the
// last byte, with little memory in between.
func TestRunStreamsInput(t *testing.T) {
	const size = 64 << 20
	client := remotetest.Dial(t, remotetest.Start(t, remotetest.Config{}))
	digest := sha256.New()
	stream := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), digest)
	peak := watchHeap(t)
	result, err := client.Run(t.Context(), remote.Script{
		Text:  "# " + strings.Repeat("x", 5000) + "\nsha256sum",
		Stdin: stream,
	})
	if want := fmt.Sprintf("%x  -\n", digest.Sum(nil)); err != nil || string(result.Stdout) != want {
		t.Fatalf("got %q, %v; want %q", result.Stdout, err, want)
	}
	if got := peak(); got > 24<<20 {
		t.Errorf("%d MB of heap for a stream of %d MB", got>>20, size>>20)
	}
}

// watchHeap measures the most memory that is in use until peak is called.
func watchHeap(t *testing.T) (peak func() uint64) {
	t.Helper()
	var most atomic.Uint64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		var m runtime.MemStats
		for {
			select {
			case <-tick.C:
				runtime.GC() // what is garbage does not count
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapAlloc))
			case <-done:
				return
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-ended
		return most.Load()
	}
}

func TestRunEndsWithItsInput(t *testing.T) {
	t.Parallel()
	client := remotetest.Dial(t, remotetest.Start(t, remotetest.Config{}))
	broken := errors.New("the disk is broken")
	t.Run("fails when its reader fails, with what the script said", func(t *testing.T) {
		input := io.MultiReader(strings.NewReader("part"), iotestErr{broken})
		_, err := client.Run(t.Context(), remote.Script{Text: "wc -c >&2; exit 3", Stdin: input})
		failed, ok := errors.AsType[*remote.CommandError](err)
		if !ok || !errors.Is(err, broken) || failed.ExitCode != 3 || strings.TrimSpace(failed.Stderr) != "4" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("fails when its reader fails though the script succeeds", func(t *testing.T) {
		_, err := client.Run(t.Context(), remote.Script{Text: "cat >/dev/null", Stdin: iotestErr{broken}})
		if !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("succeeds when the script wants no more", func(t *testing.T) {
		result, err := client.Run(t.Context(), remote.Script{Text: "head -c 3", Stdin: endless{}})
		if err != nil || string(result.Stdout) != "yyy" {
			t.Errorf("got %q, %v", result.Stdout, err)
		}
	})
	t.Run("does not wait for a reader that waits", func(t *testing.T) {
		reader, _ := io.Pipe()
		defer reader.Close() //nolint:errcheck // never fails
		mustEnd(t, func() {
			if _, err := client.Run(t.Context(), remote.Script{Text: "true", Stdin: reader}); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestRunIsCancelled(t *testing.T) {
	t.Parallel()
	server := remotetest.Start(t, remotetest.Config{})
	client := remotetest.Dial(t, server)
	t.Run("while the script runs, and the script ends", func(t *testing.T) {
		left := filepath.Join(t.TempDir(), "left")
		ctx, cancel := context.WithCancel(t.Context())
		_, err := client.Run(ctx, remote.Script{
			Text: "trap 'echo ended > " + left + ".part; mv " + left + ".part " + left + "; exit' TERM\necho started\nsleep 60 & wait",
			Line: func(string) { cancel() },
		})
		if !errors.Is(err, context.Canceled) || !as[*remote.CommandError](err) {
			t.Errorf("got %v", err)
		}
		eventually(t, "the script is told to end", func() bool { _, err := os.Stat(left); return err == nil })
	})
	t.Run("though the script ignores SIGTERM", func(t *testing.T) {
		pid := make(chan string, 1)
		ctx, cancel := context.WithCancel(t.Context())
		_, err := client.Run(ctx, remote.Script{
			Text: "trap '' TERM\necho $$\nwhile :; do sleep 60; done",
			Line: func(line string) { pid <- line; cancel() },
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		process := "/proc/" + <-pid
		eventually(t, "the script is killed", func() bool { _, err := os.Stat(process); return err != nil })
	})
	t.Run("while the machine hangs", func(t *testing.T) {
		resume := server.Pause()
		defer resume()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		mustEnd(t, func() {
			_, err := client.Run(ctx, remote.Script{Text: "true"})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("while a stream to a machine hangs", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var resume func()
		mustEnd(t, func() {
			_, err := client.Run(ctx, remote.Script{
				Text: "echo started; cat > /dev/null", Stdin: endless{},
				Line: func(string) { resume = server.Pause(); cancel() },
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
		resume()
	})
	t.Run("and the connection goes on", func(t *testing.T) { mustRun(t, client) })
	t.Run("before it starts", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := client.Run(ctx, remote.Script{Text: "true"}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// cutting is a connection that, once armed, ends behind what is written next.
type cutting struct {
	net.Conn
	armed atomic.Bool
}

func (c *cutting) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var err error
	c.Conn, err = new(net.Dialer).DialContext(ctx, network, address)
	return c, err
}

func (c *cutting) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if c.armed.Load() {
		_ = c.Close()
	}
	return n, err
}

func TestRunNoticesALostMachine(t *testing.T) {
	t.Parallel()
	t.Run("that breaks the connection", func(t *testing.T) {
		server := remotetest.Start(t, remotetest.Config{})
		client := remotetest.Dial(t, server)
		_, err := client.Run(t.Context(), remote.Script{Text: "echo started; sleep 60", Line: func(string) { server.Cut() }})
		if !as[*remote.LostError](err) || !as[*remote.CommandError](err) {
			t.Errorf("got %v", err)
		}
		<-client.Done()
		if _, err = client.Run(t.Context(), remote.Script{Text: "true"}); !as[*remote.ConnectError](err) {
			t.Errorf("the next script: got %v, want a ConnectError", err)
		}
	})
	t.Run("that breaks it while a session is opened", func(t *testing.T) {
		cut := &cutting{}
		client := remotetest.Dial(t, remotetest.Start(t, remotetest.Config{}), remote.WithDialer(cut))
		cut.armed.Store(true)
		_, err := client.Run(t.Context(), remote.Script{Text: "true"})
		if !as[*remote.LostError](err) || !as[*remote.ConnectError](err) || strings.Contains(err.Error(), "<nil>") {
			t.Errorf("got %v, want that the connection was lost", err)
		}
	})
	t.Run("that is silent", func(t *testing.T) {
		server := remotetest.Start(t, remotetest.Config{})
		client := remotetest.Dial(t, server, remote.WithKeepalive(10*time.Millisecond, 100*time.Millisecond))
		mustEnd(t, func() {
			_, err := client.Run(t.Context(), remote.Script{Text: "echo started; sleep 60", Line: func(string) { server.Pause() }})
			if !as[*remote.LostError](err) {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("but not one that only runs long", func(t *testing.T) {
		client := remotetest.Dial(t, remotetest.Start(t, remotetest.Config{}), remote.WithKeepalive(20*time.Millisecond, 200*time.Millisecond))
		if _, err := client.Run(t.Context(), remote.Script{Text: "sleep 1"}); err != nil {
			t.Error(err)
		}
	})
}

func TestRunKeepsBelowMaxSessions(t *testing.T) {
	server := remotetest.Start(t, remotetest.Config{MaxSessions: 8})
	client := remotetest.Dial(t, server)
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			if _, err := client.Run(t.Context(), remote.Script{Text: "sleep 0.02"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := server.Dialled(); got != 1 {
		t.Errorf("got %d connections, want 1", got)
	}
}

func mustEnd(t *testing.T, run func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); run() }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("hangs")
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

type iotestErr struct{ err error }

func (r iotestErr) Read([]byte) (int, error) { return 0, r.err }

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte("y"), len(p))), nil }
