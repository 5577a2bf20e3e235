package kafka

import (
	"regexp"
	"strconv"
	"strings"

	"weir/provision/problem"
	"weir/provision/properties"
)

// topicPattern is Kafka's own rule (org.apache.kafka.common.internals.Topic).
var topicPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

// ValidateTopic returns everything that is wrong with a topic for a cluster of
// that many brokers.
func ValidateTopic(t Topic, brokers int) problem.List {
	var p problem.List
	switch {
	case !topicPattern.MatchString(t.Name) || t.Name == "." || t.Name == "..":
		p.Add("name", "%q is not a topic's name; write up to 249 letters, digits and . _ -", t.Name)
	case strings.HasPrefix(t.Name, "__"):
		p.Add("name", "%s is among Kafka's own topics; write a name that does not begin with __", t.Name)
	}
	if t.Partitions < 1 {
		p.Add("partitions", "%d is too few; write 1 or more", t.Partitions)
	}
	if t.ReplicationFactor < 1 || int(t.ReplicationFactor) > brokers {
		p.Add("replicationFactor", "%d copies cannot be kept by %d brokers; write a number from 1 to %d", t.ReplicationFactor, brokers, brokers)
	}
	if v, ok := t.Config[minISRConfig]; ok {
		if n, err := strconv.Atoi(v); err != nil || n < 1 || n > int(t.ReplicationFactor) {
			p.Add("config["+strconv.Quote(minISRConfig)+"]", "%q cannot be met with %d replicas; write a number from 1 to %d", v, t.ReplicationFactor, t.ReplicationFactor)
		}
	}
	properties.Check("config", t.Config, func(string) string { return "" }, &p)
	return p
}
