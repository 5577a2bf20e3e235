package connect

import (
	"errors"
	"strings"
	"testing"

	"github.com/IBM/sarama"
)

// identified is a session whose broker answers with an id.
func identified(t *testing.T, known, answered string) *Session {
	t.Helper()
	c := twoMachines()
	c.Kafka.ClusterID = known
	c.Machines[0].Address, c.Machines[1].Address = "127.0.0.2", "127.0.0.1"
	broker := sarama.NewMockBroker(t, 2)
	t.Cleanup(broker.Close)
	broker.SetHandlerByMap(map[string]sarama.MockResponse{
		"ApiVersionsRequest": sarama.NewMockApiVersionsResponse(t).SetApiKeys([]sarama.ApiVersionsResponseKey{{ApiKey: 3, MinVersion: 0, MaxVersion: 7}}),
		"MetadataRequest":    sarama.NewMockWrapper(&sarama.MetadataResponse{Version: 7, ClusterID: &answered}),
	})
	c.Kafka.Port = int(broker.Port())
	return open(t, c, Options{})
}

func TestAnotherClusterIsRefusedWithBothIDs(t *testing.T) {
	_, err := identified(t, "knownknownknown", "otherotherother").Guard(t.Context())
	var wrong *WrongClusterError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "knownknownknown") || !strings.Contains(err.Error(), "otherotherother") {
		t.Errorf("got %v, want a refusal with both ids", err)
	}
}

func TestTheClusterThatIsMeantIsLetThrough(t *testing.T) {
	for name, known := range map[string]string{"its id is known": "same", "none is known": ""} {
		if id, err := identified(t, known, "same").Guard(t.Context()); id != "same" || err != nil {
			t.Errorf("%s: got %q, %v", name, id, err)
		}
	}
}
