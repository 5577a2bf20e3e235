package kafka

import "github.com/IBM/sarama"

// ViewOf takes a View from a broker's metadata. It does not tell
// min.insync.replicas, which is taken to be 1: ask [Admin.View] where that
// matters. The error is one of a topic.
func ViewOf(m *sarama.MetadataResponse) (View, error) { return viewOf(m) }
