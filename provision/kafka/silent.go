package kafka

import (
	"errors"
	"slices"
	"strings"

	"github.com/IBM/sarama"

	"weir/provision/remote"
)

// SilentError says that no broker answers. It wraps sarama.ErrOutOfBrokers.
type SilentError struct {
	// Asked are the addresses that were tried, host:port.
	Asked []string
	// Err is why, for each of them.
	Err error
}

// Error has each reason once: sarama's own text repeats it for each broker, and
// within that for each way to it.
func (e *SilentError) Error() string {
	asked := slices.Compact(slices.Sorted(slices.Values(e.Asked)))
	s := "no broker answers at " + strings.Join(asked, ", ")
	if why := remote.Reason(e.without(sarama.ErrOutOfBrokers)); why != "" {
		s += ": " + why
	}
	return s
}

func (e *SilentError) Unwrap() error { return e.Err }

// without leaves out the sentinel, which says what this error says already.
func (e *SilentError) without(sentinel error) error {
	joined, ok := e.Err.(interface{ Unwrap() []error })
	if !ok {
		return e.Err
	}
	return errors.Join(slices.DeleteFunc(slices.Clone(joined.Unwrap()), func(err error) bool { return err == sentinel })...)
}
