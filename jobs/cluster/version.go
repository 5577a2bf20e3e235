package cluster

import (
	"fmt"

	"github.com/IBM/sarama"
)

// Version is the brokers' version, where they do not tell it themselves. The zero
// value is that of brokers that do (Kafka 0.10 and newer, KIP-35).
type Version struct{ number sarama.KafkaVersion }

// newest is the newest protocol that the client library covers completely;
// brokers that tell theirs negotiate from there.
var newest = sarama.V2_8_0_0

// ParseVersion reads "0.8.2.1", or nothing. Versions whose brokers tell theirs are
// taken for nothing.
func ParseVersion(text string) (Version, error) {
	if text == "" {
		return Version{}, nil
	}
	number, err := sarama.ParseKafkaVersion(text)
	switch {
	case err != nil:
		return Version{}, fmt.Errorf("%q: want a version of Kafka, such as 0.8.2.1", text)
	case number.IsAtLeast(sarama.V0_10_0_0):
		return Version{}, nil
	case !number.IsAtLeast(sarama.V0_8_2_0):
		return Version{}, fmt.Errorf("%s: want 0.8.2.0 or newer: older brokers keep no offsets of groups", text)
	}
	return Version{number}, nil
}

// Old says that records have neither timestamps nor headers (before 0.10 and
// 0.11), that nothing is idempotent, and that requests are those of then.
func (v Version) Old() bool { return v != Version{} }

// Old says the same of the brokers that a client was made for.
func Old(c *sarama.Config) bool { return !c.Version.IsAtLeast(sarama.V0_10_0_0) }

func (v Version) apply(c *sarama.Config) {
	c.Version = newest
	if v.Old() {
		c.Version, c.ApiVersionsRequest = v.number, false
		c.Consumer.IsolationLevel = sarama.ReadUncommitted // there are no transactions
	}
}
