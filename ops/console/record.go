package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/IBM/sarama"
)

// Format is how records are written as lines.
type Format struct {
	// JSON writes and reads one JSON object a line, with all of a record; what is
	// below is for text.
	JSON bool
	// Key has the key before the value, with Separator between; Headers the
	// headers before both.
	Key, Headers bool
	Separator    string
}

// line is a record as a line of JSON. A null key or value is null; one that is
// no UTF-8 is in the field of base64. Fields are only ever added.
type line struct {
	Topic     string     `json:"topic,omitempty"`
	Partition *int32     `json:"partition,omitempty"`
	Offset    *int64     `json:"offset,omitempty"`
	Time      *time.Time `json:"time,omitempty"`
	Key       *string    `json:"key"`
	KeyBytes  []byte     `json:"keyBase64,omitempty"`
	Value     *string    `json:"value"`
	ValBytes  []byte     `json:"valueBase64,omitempty"`
	Headers   []header   `json:"headers,omitempty"`
}

type header struct {
	Key      string  `json:"key"`
	Value    *string `json:"value"`
	ValBytes []byte  `json:"valueBase64,omitempty"`
}

// split is bytes as text, or as base64 where they are none; null as neither.
func split(b []byte) (*string, []byte) {
	switch {
	case b == nil:
		return nil, nil
	case utf8.Valid(b):
		text := string(b)
		return &text, nil
	}
	return nil, b
}

func joined(text *string, b []byte) []byte {
	if text != nil {
		return []byte(*text)
	}
	return b
}

// Line writes a record as a line, with its newline.
func (f Format) Line(m *sarama.ConsumerMessage) ([]byte, error) {
	if !f.JSON {
		return f.text(m), nil
	}
	at := m.Timestamp.UTC()
	l := line{Topic: m.Topic, Partition: &m.Partition, Offset: &m.Offset, Time: &at}
	l.Key, l.KeyBytes = split(m.Key)
	l.Value, l.ValBytes = split(m.Value)
	for _, h := range m.Headers {
		one := header{Key: string(h.Key)}
		one.Value, one.ValBytes = split(h.Value)
		l.Headers = append(l.Headers, one)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(l)
	return out.Bytes(), err
}

// null is how Kafka's own console consumer shows that there is no key or value.
const null = "null"

func (f Format) text(m *sarama.ConsumerMessage) []byte {
	var out bytes.Buffer
	if f.Headers {
		for i, h := range m.Headers {
			if i > 0 {
				out.WriteByte(',')
			}
			fmt.Fprintf(&out, "%s:%s", h.Key, orNull(h.Value))
		}
		out.WriteString(f.Separator)
	}
	if f.Key {
		out.Write(orNull(m.Key))
		out.WriteString(f.Separator)
	}
	out.Write(orNull(m.Value))
	out.WriteByte('\n')
	return out.Bytes()
}

func orNull(b []byte) []byte {
	if b == nil {
		return []byte(null)
	}
	return b
}

// anyPartition leaves the choice to the key.
const anyPartition = -1

// Parse reads a line, without its newline, as a record to write.
func (f Format) Parse(text []byte) (*sarama.ProducerMessage, error) {
	m := &sarama.ProducerMessage{Partition: anyPartition}
	if f.JSON {
		return m, parseJSON(text, m)
	}
	if f.Key {
		key, value, found := bytes.Cut(text, []byte(f.Separator))
		if !found {
			return nil, fmt.Errorf("there is no key: %q does not contain the separator %q", short(text), f.Separator)
		}
		m.Key, text = sarama.ByteEncoder(bytes.Clone(key)), value
	}
	m.Value = sarama.ByteEncoder(bytes.Clone(text))
	return m, nil
}

func parseJSON(text []byte, m *sarama.ProducerMessage) error {
	var l line
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return fmt.Errorf("%q is not a record in JSON: %w", short(text), err)
	}
	if d.More() {
		return errors.New("there is more than one value on the line")
	}
	if key := joined(l.Key, l.KeyBytes); key != nil {
		m.Key = sarama.ByteEncoder(key)
	}
	if value := joined(l.Value, l.ValBytes); value != nil {
		m.Value = sarama.ByteEncoder(value)
	}
	if l.Partition != nil {
		m.Partition = *l.Partition
	}
	if l.Time != nil {
		m.Timestamp = *l.Time
	}
	for _, h := range l.Headers {
		m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Key), Value: joined(h.Value, h.ValBytes)})
	}
	return nil
}

// short is the beginning of a text, for a message.
func short(text []byte) string {
	const enough = 60
	if len(text) > enough {
		return string(text[:enough]) + "..."
	}
	return string(text)
}
