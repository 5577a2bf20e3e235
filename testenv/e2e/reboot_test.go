package e2e

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/provision/kafka"
)

// After a reboot of the computer its containers are stopped, with their disks.
func TestAfterARebootUpBringsTheClusterBackWithItsData(t *testing.T) {
	p := cluster(t)
	inside(t, "weir-1", tools+"kafka-topics.sh", "--bootstrap-server", "172.30.78.11:9092", "--create", "--topic", "kept", "--replication-factor", "3", "--partitions", "1")
	inside(t, "weir-1", "sh", "-c", "echo written before the reboot | "+tools+"kafka-console-producer.sh --bootstrap-server 172.30.78.11:9092 --topic kept")
	for _, name := range []string{"weir-1", "weir-2", "weir-3"} {
		if err := machine(name).Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	believe := everBelieved(t, "kept")
	r := p.mustOps(t, 0, "up", "--stack", stackName)
	believe()
	if strings.Contains(r.stdout, "nothing to change") {
		t.Errorf("up found three stopped machines as they should be:\n%s", r.all())
	}
	out := inside(t, "weir-2", tools+"kafka-console-consumer.sh", "--bootstrap-server", "172.30.78.12:9092", "--topic", "kept",
		"--from-beginning", "--max-messages", "1", "--timeout-ms", "60000")
	wantAll(t, out, "written before the reboot")
	inside(t, "weir-1", tools+"kafka-topics.sh", "--bootstrap-server", "172.30.78.11:9092", "--delete", "--topic", "kept")
}

// everBelieved asks brokers for a topic, each again and again, until the function
// that it returns is called. A broker that starts knows of no topic at first, and
// whoever asks it must not take that for the topic's end.
func everBelieved(t *testing.T, topic string) (end func()) {
	t.Helper()
	version, _ := kafka.LookUp(kafka.DefaultVersion)
	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	for _, broker := range brokers {
		admin, err := kafka.NewAdmin([]string{broker}, version, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		asking.Go(func() {
			defer admin.Close()
			silent, found := 0, 0
			for ctx.Err() == nil {
				_, err := admin.Describe(ctx, topic)
				switch {
				case errors.Is(err, kafka.ErrNoTopic):
					t.Errorf("broker %s says that there is no topic %s", broker, topic)
					return
				case err != nil:
					silent++
				default:
					found++
				}
				select {
				case <-ctx.Done():
				case <-time.After(askAgain):
				}
			}
			if silent == 0 || found == 0 {
				t.Errorf("broker %s did not answer %d times, and did %d times; want both while it starts", broker, silent, found)
			}
		})
	}
	return func() {
		cancel()
		asking.Wait()
	}
}

// askAgain is short beside the moment in which a broker knows of no topic.
const askAgain = 5 * time.Millisecond
