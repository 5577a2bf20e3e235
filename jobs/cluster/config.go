// Package cluster is how the jobs talk to a Kafka cluster: the client settings
// they share, and waiting for topics that are created elsewhere.
package cluster

import (
	"net"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// Timeouts of a single request. A broker that dies without a word (kill -9 of
// its machine) is noticed after them.
const (
	dialTimeout = 5 * time.Second
	// requestTimeout is above the brokers' own 30 s produce timeout divided by
	// three: a follower out of sync is dropped by then.
	requestTimeout = 10 * time.Second
	// maxBackoff keeps retries frequent enough that a new leader, elected within
	// the 18 s of a lost session, is used within a second.
	maxBackoff   = time.Second
	firstBackoff = 100 * time.Millisecond
)

// Config returns the settings that all clients of the jobs start from.
func Config(clientID string, v Version) *sarama.Config {
	c := sarama.NewConfig()
	c.ClientID = clientID
	c.Net.DialTimeout = dialTimeout
	c.Net.ReadTimeout = requestTimeout
	c.Net.WriteTimeout = requestTimeout
	// Topics come into being by declaration, with their partitions and
	// replicas, never because somebody asked for them.
	c.Metadata.AllowAutoTopicCreation = false
	c.Metadata.Full = false
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Offsets.AutoCommit.Enable = false
	v.apply(c)
	return c
}

// ProducerConfig returns settings for a producer that does not lose, duplicate
// or reorder while brokers restart or leaders move: idempotent, acknowledged
// by all in-sync replicas, and retrying for at least the given time.
//
// Retries of metadata matter as much as those of sending: where a partition
// stays without a leader longer than they last, the library gives up messages
// that were never sent.
//
// Old brokers know no idempotence: what was sent again may be there twice.
func ProducerConfig(clientID string, v Version, bound time.Duration) *sarama.Config {
	c := Config(clientID, v)
	retries := int(bound/maxBackoff) + 10 // the first ten take less than maxBackoff each
	c.Metadata.Retry.Max = retries
	c.Metadata.Retry.BackoffFunc = Backoff
	c.Metadata.Timeout = bound
	c.Producer.Idempotent = !v.Old()
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Net.MaxOpenRequests = 1 // demanded by idempotence; keeps the order
	c.Producer.Retry.Max = retries
	c.Producer.Retry.BackoffFunc = Backoff
	c.Producer.Return.Successes = true
	c.Producer.Return.Errors = true
	return c
}

// Backoff is the pause before retry number `retries`: 100 ms, doubled up to 1 s.
func Backoff(retries, _ int) time.Duration {
	pause := firstBackoff
	for ; retries > 1 && pause < maxBackoff; retries-- {
		pause *= 2
	}
	return min(pause, maxBackoff)
}

// Brokers splits a bootstrap list, "host:port,host:port". It is false where an
// entry is not host:port or the list is empty.
func Brokers(bootstrap string) ([]string, bool) {
	var brokers []string
	for entry := range strings.SplitSeq(bootstrap, ",") {
		entry = strings.TrimSpace(entry)
		if host, port, err := net.SplitHostPort(entry); err != nil || host == "" || port == "" {
			return nil, false
		}
		brokers = append(brokers, entry)
	}
	return brokers, true
}
