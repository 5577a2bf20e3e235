// Package postgrestest runs a PostgreSQL server of its own for tests, in a
// temporary directory and reached by a socket in it: nothing of the computer's own
// servers is touched.
package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// startLimit is for making a database and a start of the server on a busy computer.
const startLimit = 2 * time.Minute

// errMissing says that there is no PostgreSQL on this computer.
var errMissing = errors.New("PostgreSQL's server is not installed: `make test` installs it, as does apt-get install postgresql")

// Server is a server that is started when it is first needed.
type Server struct {
	once    sync.Once
	err     error
	dir     string
	process *exec.Cmd
	log     bytes.Buffer
	schemas int
	mu      sync.Mutex
}

// URL returns the address of a schema of the test's own. Where there is no
// PostgreSQL the test fails.
func (s *Server) URL(t testing.TB) string {
	t.Helper()
	s.once.Do(func() { s.err = s.start() })
	if s.err != nil {
		t.Fatalf("start PostgreSQL: %v\n%s", s.err, &s.log)
	}
	s.mu.Lock()
	s.schemas++
	schema := fmt.Sprintf("test_%d", s.schemas)
	s.mu.Unlock()
	c, err := pgx.Connect(t.Context(), s.address(""))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	return s.address(schema)
}

func (s *Server) address(schema string) string {
	query := url.Values{"host": {s.dir}}
	if schema != "" {
		query.Set("search_path", schema)
	}
	return "postgres://weir@/postgres?" + query.Encode()
}

// Stop ends the server and removes all that it wrote.
func (s *Server) Stop() {
	if s.process != nil {
		_ = s.process.Process.Signal(syscall.SIGQUIT) // at once: nothing is to be kept
		_ = s.process.Wait()                          // it was told to
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

func (s *Server) start() error {
	initdb, err := program("initdb")
	if err != nil {
		return err
	}
	server, err := program("postgres")
	if err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "weir-postgres-"); err != nil {
		return err
	}
	credential, err := unprivileged(s.dir)
	if err != nil {
		return err
	}
	run := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(name, args...)
		c.Dir, c.Stdout, c.Stderr = s.dir, &s.log, &s.log
		c.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Pdeathsig: syscall.SIGKILL}
		return c
	}
	data := filepath.Join(s.dir, "data")
	if err := run(initdb, "-D", data, "-U", "weir", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").Run(); err != nil {
		return fmt.Errorf("initdb: %w", err)
	}
	s.process = run(server, "-D", data, "-c", "listen_addresses=", "-c", "unix_socket_directories="+s.dir)
	if err := s.process.Start(); err != nil {
		return err
	}
	return s.await()
}

// await waits until the server answers.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for {
		c, err := pgx.Connect(ctx, s.address(""))
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// program finds one of PostgreSQL's programs; Debian does not put them on the PATH.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // the pattern is right
	if len(found) == 0 {
		return "", errMissing
	}
	return found[len(found)-1], nil
}

// unprivileged is who the server runs as, and gives it the directory: PostgreSQL
// refuses to run as root.
func unprivileged(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMissing, err)
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2, os.Chown(dir, int(uid), int(gid))); err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
