package status

import (
	"strings"
	"testing"
)

var asked = question{
	services: []Service{{Component: "zookeeper", Unit: "weir-zookeeper.service"}, {Component: "kafka", Unit: "weir-kafka.service"}},
	paths:    []string{"/var/lib/weir/zookeeper", "/var/lib/weir/kafka"},
	myid:     "/var/lib/weir/zookeeper/myid",
}

const healthyAnswer = `uptime 5000.25
load 0.42
disk 0 4096 1000000 250000
disk 1 4096 2000000 500000
myid 2
Id=weir-zookeeper.service
LoadState=loaded
ActiveState=active
SubState=running
MainPID=101
NRestarts=0
ActiveEnterTimestampMonotonic=4000250000

Id=weir-kafka.service
LoadState=loaded
ActiveState=activating
SubState=auto-restart
MainPID=0
NRestarts=7
ActiveEnterTimestampMonotonic=0
end
`

func TestAnAnswerBecomesAMachine(t *testing.T) {
	var m Machine
	if err := asked.read([]byte(healthyAnswer), &m); err != nil {
		t.Fatal(err)
	}
	if m.UptimeSeconds != 5000.25 || m.Load != 0.42 || m.MyID != "2" {
		t.Errorf("got uptime %v, load %v, myid %q", m.UptimeSeconds, m.Load, m.MyID)
	}
	zk, kafka := m.Services[0], m.Services[1]
	if !zk.Running() || zk.PID != 101 || zk.SinceSeconds != 1000 {
		t.Errorf("ZooKeeper: got %+v, want running as 101 for 1000 s", zk)
	}
	if kafka.Running() || kafka.State() != "activating (auto-restart)" || kafka.Restarts != 7 {
		t.Errorf("Kafka: got %+v (%s), want restarting for the 7th time", kafka, kafka.State())
	}
	want := Disk{Path: "/var/lib/weir/kafka", TotalBytes: 8192000000, FreeBytes: 2048000000}
	if len(m.Disks) != 2 || m.Disks[1] != want {
		t.Errorf("disks: got %+v, want the second to be %+v", m.Disks, want)
	}
}

func TestAnAnswerIsDistrusted(t *testing.T) {
	tests := []struct {
		name   string
		change func(string) string
		want   string // part of the error; empty where the answer is taken
		look   func(m Machine) bool
	}{
		{"cut off", func(s string) string { return strings.TrimSuffix(s, "end\n") }, "cut off", nil},
		{"empty", func(string) string { return "" }, "cut off", nil},
		{"without a unit that was asked for",
			func(s string) string { return strings.Replace(s, "Id=weir-kafka", "Id=other", 1) }, "weir-kafka.service", nil},
		{"a load that is no number",
			func(s string) string { return strings.Replace(s, "load 0.42", "load NaN", 1) }, "",
			func(m Machine) bool { return m.Load == 0 }},
		{"an uptime below zero",
			func(s string) string { return strings.Replace(s, "uptime 5000.25", "uptime -1", 1) }, "",
			func(m Machine) bool { return m.UptimeSeconds == 0 && m.Services[0].SinceSeconds == 0 }},
		{"a disk that was not asked for",
			func(s string) string { return strings.Replace(s, "disk 1", "disk 9", 1) }, "",
			func(m Machine) bool { return len(m.Disks) == 1 }},
		{"a disk larger than numbers are",
			func(s string) string {
				return strings.Replace(s, "disk 1 4096 2000000", "disk 1 4096 9223372036854775807", 1)
			}, "",
			func(m Machine) bool { return len(m.Disks) == 1 }},
		{"more free than there is",
			func(s string) string { return strings.Replace(s, "2000000 500000", "2000000 2000001", 1) }, "",
			func(m Machine) bool { return len(m.Disks) == 1 }},
		{"a state that moves the cursor",
			func(s string) string { return strings.Replace(s, "SubState=running", "SubState=\x1b[2Jrunning", 1) }, "",
			func(m Machine) bool { return m.Services[0].Sub == "2Jrunning" }},
		{"a process id that is no number",
			func(s string) string { return strings.Replace(s, "MainPID=101", "MainPID=$(reboot)", 1) }, "",
			func(m Machine) bool { return m.Services[0].PID == 0 && !m.Services[0].Running() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var m Machine
			err := asked.read([]byte(tt.change(healthyAnswer)), &m)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got error %v, want the answer taken", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got error %v, want one with %q", err, tt.want)
			case tt.look != nil && !tt.look(m):
				t.Errorf("got %+v", m)
			}
		})
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(healthyAnswer))
	f.Add([]byte("=\nend"))
	f.Add([]byte("disk 0 1 1 1\nId=\n\n\nend"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		var m Machine
		if asked.read(answer, &m) != nil {
			return
		}
		for _, s := range m.Services {
			if !s.Known || len(s.State()) > 3*plainLimit {
				t.Errorf("took a service in state %q", s.State())
			}
			for _, r := range s.State() {
				if r < ' ' || r > '~' {
					t.Errorf("state %q is not fit for a terminal", s.State())
				}
			}
		}
		for _, d := range m.Disks {
			if d.FreeBytes < 0 || d.FreeBytes > d.TotalBytes {
				t.Errorf("took a disk with %d of %d bytes free", d.FreeBytes, d.TotalBytes)
			}
		}
	})
}
