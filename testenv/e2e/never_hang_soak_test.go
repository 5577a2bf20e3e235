//go:build soak

package e2e

import (
	"testing"
	"time"
)

func TestSoakADeadBrokerMakesNoVerbHang(t *testing.T) {
	p := cluster(t)
	breakBroker(t, "weir-2")
	inside(t, "weir-2", "systemctl", "kill", "--signal=KILL", "weir-kafka.service")
	dir := t.TempDir()
	runBounded(t, p, []bounded{
		{[]string{"status"}, 10, 8*time.Second + slack, []string{"172.30.78.12  reachable", "broker 1 on weir-2"}},
		{[]string{"logs", "--service", "kafka", "-n", "3"}, 0, 10*time.Second + slack, []string{"weir-1 weir-kafka:", "weir-2 weir-kafka:"}},
		{[]string{"verify", "--only", "machines"}, 10, 30*time.Second + slack, []string{"weir-2"}},
		{[]string{"doctor"}, 0, 15*time.Second + slack, []string{"answer; cluster id "}},
		{[]string{"roll", "--dry-run"}, 0, 15*time.Second + slack, []string{"kafka (weir-kafka.service)", "weir-2"}},
		// A broker that was killed is missed when its session ends, after 18 s.
		{[]string{"bench", "producer", "--records", "1000", "--rate", "500", "--yes"}, 0, 40*time.Second + slack, []string{"failed 0, lost 0"}},
		{[]string{"support-bundle", "--no-verify", "--file", dir + "/b.tar.gz"}, 0, 25*time.Second + slack, []string{dir + "/b.tar.gz\n"}},
	})
}
