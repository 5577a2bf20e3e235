package e2e

import (
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// The machine has no way out, the cache is empty, and whatever asks the network
// is sent to a door that is shut in its face, and counted. Without the fetched
// directory somebody does knock there: that is what shows that with it nobody
// had to.
func TestAClusterIsInstalledWithTheNetworkRefused(t *testing.T) {
	m := passing(t, 9)
	m.Address = ipv6(t, m) // what is said of it here is said of IPv6 too
	p := newTestProject(t)
	p.writeRelease(t, m, "")
	fetched := filepath.Join(t.TempDir(), "carried by hand")
	r := p.mustOps(t, 0, "fetch", "--stack", "sources", "--to", fetched)
	wantAll(t, r.stdout, "files, ", "listed in SHA256SUMS", "export WEIR_FETCHED='"+fetched+"'")

	on(t, m, "ip route del default; ! ip route get 192.0.2.1; ! ip -6 route get 2001:db8::1")
	door := refuseNetwork(t)
	t.Setenv("WEIR_CACHE", t.TempDir())
	r = p.mustOps(t, 1, "up", "--stack", "sources", "--no-verify")
	wantAll(t, r.stderr, "release kafka 3.9.2", "mvn did not fetch 105 files: ", "name a directory of fetched files", "refused (http://127.0.0.1:")
	wantPresentable(t, r, nil)
	if door.Load() == 0 {
		t.Error("nobody asked the network, though the software had to come from there: the refusal is not in its way")
	}

	door.Store(0)
	t.Setenv("WEIR_FETCHED", fetched)
	p.mustOps(t, 0, "up", "--stack", "sources", "--no-verify")
	wantAll(t, on(t, m, "systemctl is-active weir-kafka; /opt/weir/kafka/current/bin/kafka-topics.sh --version"), "active\n", "3.9.2")
	if n := door.Load(); n > 0 {
		t.Errorf("the network was asked %d times in spite of the fetched directory", n)
	}
}

// refuseNetwork sends Maven, and all that honours the proxy variables, to a port
// on which every connection is closed at once, and counts them.
func refuseNetwork(t *testing.T) *atomic.Int64 {
	t.Helper()
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = door.Close() })
	knocks := new(atomic.Int64)
	go func() {
		for {
			conn, err := door.Accept()
			if err != nil {
				return
			}
			knocks.Add(1)
			_ = conn.Close()
		}
	}()
	address := "http://" + door.Addr().String()
	home := t.TempDir() // with an empty repository in it
	if err := os.MkdirAll(filepath.Join(home, ".m2"), 0o755); err != nil {
		t.Fatal(err)
	}
	settings := "<settings><mirrors><mirror><id>refused</id><mirrorOf>*</mirrorOf><url>" + address + "</url></mirror></mirrors></settings>"
	if err := os.WriteFile(filepath.Join(home, ".m2", "settings.xml"), []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MAVEN_OPTS", "-Duser.home="+home) // Java does not take it from HOME
	for _, variable := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(variable, address)
	}
	return knocks
}
