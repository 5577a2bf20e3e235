package store

import "time"

// Width is how much event time a bucket covers: the tag of its keys.
type Width byte

// The widths there are.
const (
	Minute Width = 'm'
	Hour   Width = 'h'
)

// Duration is the width as a duration.
func (w Width) Duration() time.Duration {
	if w == Minute {
		return time.Minute
	}
	return time.Hour
}

func (w Width) String() string {
	if w == Minute {
		return "minute"
	}
	return "hour"
}

// Start is when a bucket begins. Buckets are numbered from the beginning of 1970.
func (w Width) Start(bucket int32) time.Time {
	return time.Unix(int64(bucket)*int64(w.Duration()/time.Second), 0).UTC()
}
