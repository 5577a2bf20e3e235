package testenv

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"golang.org/x/crypto/ssh"
)

func TestASpecIsCheckedAsAWhole(t *testing.T) {
	good := Spec{Stack: "local", Name: "weir-1", Subnet: "10.89.7.0/24", Address: "10.89.7.11", KeysDir: ".weir/local"}
	for _, test := range []struct {
		name  string
		edit  func(s *Spec)
		wants []string
	}{
		{"as it should be", func(*Spec) {}, nil},
		{"a subnet given by one of its addresses", func(s *Spec) { s.Subnet = "10.89.7.5/24" }, nil},
		{"no names", func(s *Spec) { s.Stack, s.Name = "", "" }, []string{`stack name ""`, `machine name ""`}},
		{"a name that is no host name", func(s *Spec) { s.Name = "weir_1" }, []string{`machine name "weir_1"`}},
		{"no subnet", func(s *Spec) { s.Subnet = "10.89.7.0" }, []string{`subnet "10.89.7.0"`}},
		{"an IPv6 subnet", func(s *Spec) { s.Subnet = "fd00::/64" }, []string{"want an IPv4 prefix"}},
		{"a subnet without room", func(s *Spec) { s.Subnet = "10.89.7.0/30" }, []string{"room for machines"}},
		{"no address", func(s *Spec) { s.Address = "weir-1" }, []string{`address "weir-1"`}},
		{"an address elsewhere", func(s *Spec) { s.Address = "10.89.8.11" }, []string{"10.89.8.11 is not in subnet 10.89.7.0/24"}},
		{"the network's address", func(s *Spec) { s.Address = "10.89.7.0" }, []string{"taken"}},
		{"the computer's address", func(s *Spec) { s.Address = "10.89.7.1" }, []string{"taken"}},
		{"the broadcast address", func(s *Spec) { s.Address = "10.89.7.255" }, []string{"taken"}},
		{"memory that boots nothing", func(s *Spec) { s.MemoryMB = 1 }, []string{"memory 1 MB"}},
		{"several at once", func(s *Spec) { s.Name, s.KeysDir, s.Subnet = "A", "", "x" }, []string{"machine name", "keys directory", "subnet"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := good
			test.edit(&s)
			_, err := s.parse()
			if (err == nil) != (test.wants == nil) {
				t.Fatalf("got %v, want %q", err, test.wants)
			}
			for _, want := range test.wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
		})
	}
}

func TestAContainersRightsFollowTheCgroupVersion(t *testing.T) {
	for _, test := range []struct {
		v2   bool
		bind string
	}{{false, "/sys/fs/cgroup:/sys/fs/cgroup:ro"}, {true, "/sys/fs/cgroup:/sys/fs/cgroup:rw"}} {
		var h container.HostConfig
		Spec{Stack: "s", Name: "m", MemoryMB: 512}.host(&h, test.v2)
		if !slices.Equal(h.Binds, []string{test.bind}) || h.CgroupnsMode != container.CgroupnsModeHost || h.Privileged {
			t.Errorf("version 2 %t: binds %q, namespace %q, privileged %t", test.v2, h.Binds, h.CgroupnsMode, h.Privileged)
		}
		if h.Memory != 512<<20 || h.MemorySwap != h.Memory {
			t.Errorf("memory %d, with swap %d, want 512 MiB and no swap", h.Memory, h.MemorySwap)
		}
	}
}

func TestKeysAreMadeOnceAndListed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b", "local") // a path may hold spaces
	spec := Spec{Stack: "local", Subnet: "10.89.7.0/24", KeysDir: dir}
	prepare := func(name, address string) keys {
		t.Helper()
		s := spec
		s.Name, s.Address = name, address
		where, err := s.parse()
		if err != nil {
			t.Fatal(err)
		}
		k, err := prepareKeys(s, where)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	two := prepare("m2", "10.89.7.12")
	one := prepare("m1", "10.89.7.11")
	again := prepare("m1", "10.89.7.11")
	if string(again.host.private) != string(one.host.private) || string(again.client.private) != string(two.client.private) {
		t.Error("keys were made anew")
	}
	if string(one.host.private) == string(two.host.private) {
		t.Error("two machines have one host key")
	}
	for name, want := range map[string]os.FileMode{clientKeyFile: 0o600, "machines/m1/" + hostKeyFile: 0o600, clientKeyFile + ".pub": 0o644} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want mode %o", name, info, err, want)
		}
	}
	known, err := os.ReadFile(filepath.Join(dir, knownHostsFile))
	want := "m1,10.89.7.11 " + withoutComment(one.host.authorized) + "\nm2,10.89.7.12 " + withoutComment(two.host.authorized) + "\n"
	if err != nil || string(known) != want {
		t.Errorf("known_hosts: got %q, %v, want %q", known, err, want)
	}
	if _, _, _, _, err := ssh.ParseAuthorizedKey(one.client.authorized); err != nil {
		t.Errorf("client key %q: %v", one.client.authorized, err)
	}
	t.Run("ssh understands its configuration", func(t *testing.T) {
		out, err := exec.Command("ssh", "-G", "-F", filepath.Join(dir, sshConfigFile), "m2").CombinedOutput()
		if errors.Is(err, exec.ErrNotFound) {
			t.Skip("no ssh client here")
		}
		for _, want := range []string{"hostname 10.89.7.12\n", "user root\n", "hostkeyalias m2\n", "identityfile " + dir + "/" + clientKeyFile + "\n", "stricthostkeychecking true\n"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("got %s, %v, want %q in it", out, err, want)
			}
		}
	})
	t.Run("a damaged key is said, not replaced", func(t *testing.T) {
		path := filepath.Join(dir, clientKeyFile)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ensureKey(path, ""); err == nil || !strings.Contains(err.Error(), "remove the file") {
			t.Errorf("got %v, want advice to remove the file", err)
		}
	})
}

func TestALockIsHeldByOneAtATime(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var group sync.WaitGroup
	var mu sync.Mutex
	holders, most := 0, 0
	count := func(d int) {
		mu.Lock()
		defer mu.Unlock()
		holders += d
		most = max(most, holders)
	}
	for range 8 {
		group.Go(func() {
			release, err := lock(t.Context(), "one")
			if err != nil {
				t.Error(err)
				return
			}
			count(1)
			time.Sleep(time.Millisecond) // long enough for another to step in, if it could
			count(-1)
			release()
		})
	}
	group.Wait()
	if most != 1 {
		t.Errorf("%d held the lock at once", most)
	}
	release, err := lock(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), 3*lockPoll)
	defer cancel()
	if _, err := lock(ctx, "one"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it is held: got %v, want the end of the wait", err)
	}
}
