package systemd

import (
	"strings"
	"testing"
	"time"

	"weir/testenv/golden"
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

func TestHomesAreHiddenButForWhatTheServiceUsesOfThem(t *testing.T) {
	for _, test := range []struct {
		name, want string
		change     func(*Service)
	}{
		{"everything outside", "ProtectHome=yes", func(*Service) {}},
		{"data in a home", "ProtectHome=tmpfs\nBindPaths=/home/fams/zk_data", func(s *Service) {
			s.Writes, s.Directory = []string{"/home/fams/zk_data", "/var/log/x"}, "/home/fams/zk_data"
		}},
		{"a working directory in a home", "ProtectHome=tmpfs\nBindPaths=/home/fams", func(s *Service) { s.Directory = "/home/fams" }},
		{"a program in a home", "ProtectHome=tmpfs\nBindReadOnlyPaths=/home/fams/kafka/bin", func(s *Service) { s.Command[0] = "/home/fams/kafka/bin/start" }},
		{"a release in root's home, and data in another", "ProtectHome=tmpfs\nBindReadOnlyPaths=/root/kafka\nBindPaths=/home/a /home/b", func(s *Service) {
			s.Reads, s.Writes = []string{"/root/kafka", "/home/a"}, []string{"/home/b", "/home/a"}
		}},
		{"a name that only begins like one", "ProtectHome=yes", func(s *Service) { s.Writes = []string{"/homestead/data"} }},
	} {
		s := example()
		test.change(&s)
		if text := s.String(); !strings.Contains(text, "\n"+test.want+"\n") {
			t.Errorf("%s: want %s in\n%s", test.name, test.want, text)
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
