package send

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// UndeliveredError says that a record was not acknowledged within the bound, or
// was refused for good. It may be in the topic nevertheless: that the answer is
// missing does not say that the record is.
type UndeliveredError struct {
	Topic     string
	Partition int32
	// Value is the first record that is not acknowledged.
	Value string
	// Open is how many records of the partition were handed over and not
	// acknowledged, this one included.
	Open int
	Err  error
}

func (e *UndeliveredError) Error() string {
	return fmt.Sprintf("message %q was not acknowledged, with %d in all of topic %s partition %d: %v; "+
		"check that the partition has a leader and enough in-sync replicas",
		e.Value, e.Open, e.Topic, e.Partition, e.Err)
}

func (e *UndeliveredError) Unwrap() error { return e.Err }

// LostError says that the cluster no longer has what it acknowledged.
type LostError struct {
	Topic     string
	Partition int32
	// LastOffset is that of the last record it acknowledged.
	LastOffset int64
	Err        error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("topic %s partition %d lost records that it had acknowledged, the last at offset %d (%v); "+
		"look for an unclean election: kafka-configs.sh --describe shows unclean.leader.election.enable and min.insync.replicas",
		e.Topic, e.Partition, e.LastOffset, e.Err)
}

func (e *LostError) Unwrap() error { return e.Err }

// FencedError says that another program goes on with the same run.
type FencedError struct {
	Run string
	Err error
}

func (e *FencedError) Error() string {
	return fmt.Sprintf("another producer has taken over the run %q (%v); only one may have it: stop one of them, or give it another run", e.Run, e.Err)
}

func (e *FencedError) Unwrap() error { return e.Err }

// refusals are answers that sending again does not change. All others may pass,
// those of a kind that is not known here too: the bound ends them.
var refusals = []sarama.KError{
	sarama.ErrMessageSizeTooLarge, sarama.ErrMessageSetSizeTooLarge, sarama.ErrInvalidTopic,
	sarama.ErrInvalidRequiredAcks, sarama.ErrTopicAuthorizationFailed, sarama.ErrClusterAuthorizationFailed,
	sarama.ErrTransactionalIDAuthorizationFailed, sarama.ErrInvalidTimestamp, sarama.ErrUnsupportedVersion,
	sarama.ErrUnsupportedForMessageFormat, sarama.ErrPolicyViolation, sarama.ErrUnsupportedCompressionType,
	sarama.ErrInvalidRecord, sarama.ErrInvalidRequest,
}

// refused says whether an error is one of the refusals, or one of encoding,
// which was never sent.
func refused(err error) bool {
	var kafka sarama.KError
	if errors.As(err, &kafka) {
		for _, r := range refusals {
			if kafka == r {
				return true
			}
		}
	}
	var encoding sarama.PacketEncodingError
	return errors.As(err, &encoding) || errors.Is(err, sarama.ErrUnsupportedVersion)
}

// fenced says whether an answer means that the producer id belongs to another.
func fenced(err error) bool {
	return errors.Is(err, sarama.ErrInvalidProducerEpoch) || errors.Is(err, sarama.ErrProducerFenced)
}
