package systemd

import (
	"strings"
	"testing"
	"time"

	"weir/provision/internal/golden"
)

func example() Service {
	return Service{
		Description:  "Example of 100% use",
		After:        []string{"weir-zookeeper.service"},
		Wants:        []string{"weir-zookeeper.service"},
		User:         "weir-example",
		Command:      []string{"/opt/weir/example/current/bin/example", "--greeting", "hello world"},
		Environment:  []Variable{{"LOG_DIR", "/var/log/weir/example"}},
		Directory:    "/var/lib/weir/example",
		Reads:        []string{"/opt/weir/example"},
		Writes:       []string{"/var/lib/weir/example"},
		OpenFiles:    1024,
		StopTimeout:  90 * time.Second,
		RestartDelay: 1500 * time.Millisecond,
	}
}

func TestServiceText(t *testing.T) {
	golden.Compare(t, "example.service", example().String())
	jvm := example()
	jvm.JVM = true
	jvm.Environment = JVMVariables("256m", "", "/var/lib/weir/tmp/example", "/var/log/weir/example", "/etc/weir/example/log4j.properties")
	golden.Compare(t, "jvm.service", jvm.String())
}

func TestHomesAreHiddenUnlessTheServiceLivesInOne(t *testing.T) {
	for _, test := range []struct {
		name, want string
		change     func(*Service)
	}{
		{"everything outside", "yes", func(*Service) {}},
		{"data in a home", "read-only", func(s *Service) { s.Writes = []string{"/home/fams/zk_data"} }},
		{"program in a home", "read-only", func(s *Service) { s.Command[0] = "/home/fams/kafka/bin/start" }},
		{"release in root's home", "read-only", func(s *Service) { s.Reads = []string{"/root/kafka"} }},
		{"a name that only begins like one", "yes", func(s *Service) { s.Writes = []string{"/homestead/data"} }},
	} {
		s := example()
		test.change(&s)
		if text := s.String(); !strings.Contains(text, "\nProtectHome="+test.want+"\n") {
			t.Errorf("%s: want ProtectHome=%s in\n%s", test.name, test.want, text)
		}
	}
}

func TestADescriptionStaysOnItsLine(t *testing.T) {
	s := example()
	s.Description = "evil\nExecStartPre=/bin/rm \\"
	for l := range strings.Lines(s.String()) {
		if strings.HasPrefix(l, "ExecStartPre=") || strings.HasPrefix(l, "Description=") && strings.Contains(l, `\`) {
			t.Errorf("the description made the line %q", l)
		}
	}
}

func TestHeapBytes(t *testing.T) {
	for heap, want := range map[string]int64{
		"512m": 512 << 20, "2G": 2 << 30, "": 0, "m": 0, "12": 0, "-1g": 0, "1.5g": 0, "99999999999g": 0,
	} {
		if got := HeapBytes(heap); got != want {
			t.Errorf("%q: got %d, want %d", heap, got, want)
		}
	}
}
