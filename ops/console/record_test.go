package console

import (
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

var sample = &sarama.ConsumerMessage{
	Topic: "t", Partition: 2, Offset: 7, Timestamp: time.UnixMilli(1795498246123),
	Key: []byte("k"), Value: []byte("<v>"),
	Headers: []*sarama.RecordHeader{{Key: []byte("a"), Value: []byte("1")}, {Key: []byte("b")}},
}

func TestARecordIsALine(t *testing.T) {
	binary := &sarama.ConsumerMessage{Topic: "t", Value: []byte{0xff, 0x00}, Timestamp: time.UnixMilli(0)}
	for name, c := range map[string]struct {
		format Format
		record *sarama.ConsumerMessage
		want   string
	}{
		"the value alone":            {Format{}, sample, "<v>\n"},
		"with its key":               {Format{Key: true, Separator: "|"}, sample, "k|<v>\n"},
		"with headers and key":       {Format{Key: true, Headers: true, Separator: "\t"}, sample, "a:1,b:null\tk\t<v>\n"},
		"no key, no value":           {Format{Key: true, Separator: " "}, &sarama.ConsumerMessage{}, "null null\n"},
		"all of it as JSON":          {Format{JSON: true}, sample, `{"topic":"t","partition":2,"offset":7,"time":"2026-11-24T05:30:46.123Z","key":"k","value":"<v>","headers":[{"key":"a","value":"1"},{"key":"b","value":null}]}` + "\n"},
		"what is no text, as base64": {Format{JSON: true}, binary, `{"topic":"t","partition":0,"offset":0,"time":"1970-01-01T00:00:00Z","key":null,"value":null,"valueBase64":"/wA="}` + "\n"},
	} {
		got, err := c.format.Line(c.record)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, c.want)
		}
	}
}

func TestWhatTheReaderWritesTheProducerTakes(t *testing.T) {
	f := Format{JSON: true}
	text, err := f.Line(sample)
	if err != nil {
		t.Fatal(err)
	}
	m, err := f.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := m.Key.Encode()
	value, _ := m.Value.Encode()
	if string(key) != "k" || string(value) != "<v>" || m.Partition != 2 || !m.Timestamp.Equal(sample.Timestamp) ||
		len(m.Headers) != 2 || string(m.Headers[0].Value) != "1" || m.Headers[1].Value != nil {
		t.Errorf("of %s became %+v", text, m)
	}
}

func TestALineThatIsNoRecordIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		format Format
		line   string
		want   string
	}{
		"a key without separator": {Format{Key: true, Separator: ":"}, "no key", `does not contain the separator ":"`},
		"no JSON":                 {Format{JSON: true}, "plain", "is not a record in JSON"},
		"an unknown field":        {Format{JSON: true}, `{"valeu":"x"}`, "unknown field"},
		"two on a line":           {Format{JSON: true}, `{"value":"x"}{"value":"y"}`, "more than one value"},
	} {
		_, err := c.format.Parse([]byte(c.line))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q gives %v, want %q", name, c.line, err, c.want)
		}
	}
}
