package gauge

import (
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// answer is what a broker says to a fetch of partition 0: records of these offsets.
func answer(problem sarama.KError, offsets ...int64) *sarama.FetchResponse {
	r := &sarama.FetchResponse{Version: fetchVersion}
	r.AddError("t", 0, problem)
	for i, o := range offsets {
		r.AddRecord("t", 0, nil, sarama.StringEncoder("x"), o-offsets[0])
		batch := r.GetBlock("t", 0).RecordsSet[0].RecordBatch
		batch.FirstOffset, batch.LastOffsetDelta = offsets[0], int32(i)
	}
	return r
}

func TestFetchesThatBringRecordsAreTimed(t *testing.T) {
	const slow = 20 * time.Millisecond
	broker := sarama.NewMockBroker(t, 1)
	defer broker.Close()
	broker.SetLatency(slow)
	broker.SetHandlerByMap(map[string]sarama.MockResponse{
		"MetadataRequest": sarama.NewMockMetadataResponse(t).SetBroker(broker.Addr(), 1).SetLeader("t", 0, 1),
		"FetchRequest": sarama.NewMockSequence(
			answer(sarama.ErrNoError, 0, 1, 2),      // from behind what warmed the topic
			answer(sarama.ErrNotLeaderForPartition), // elsewhere for a moment: it is looked up anew
			answer(sarama.ErrNoError),               // nothing yet
			answer(sarama.ErrNoError, 2, 3, 4),      // a batch that begins before
		),
	})
	config := sarama.NewConfig()
	config.Version, config.ApiVersionsRequest = sarama.V2_1_0_0, false
	client, err := sarama.NewClient([]string{broker.Addr()}, config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r := &run{Options: Options{Partitions: 1}, client: client, topic: "t", begins: []int64{1}, ends: []int64{5}}
	got, err := r.consume(t.Context(), Result{Records: 5, Failed: 2})
	if err != nil {
		t.Fatal(err)
	}
	if got.Records != 4 || got.Lost != 1 || got.Failed != 2 {
		t.Errorf("got %d records, lost %d, failed %d; want 4, 1, 2", got.Records, got.Lost, got.Failed)
	}
	if got.Fetches != 2 || got.FetchLatency == nil || got.FetchLatency.P50 < float64(slow.Milliseconds()) {
		t.Errorf("got %d fetches of %v; want the 2 that brought records, above %v", got.Fetches, got.FetchLatency, slow)
	}
	if got.Latency != nil {
		t.Errorf("a consumer alone has no latency of records, got %v", got.Latency)
	}
}
