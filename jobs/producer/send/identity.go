package send

import "math"

// Identity is what a broker knows a producer by: under one id and epoch it
// takes each sequence number once and in order.
type Identity struct {
	ID    int64
	Epoch int16
}

// nobody is sent where idempotence is off, and stands for no id yet.
var nobody = Identity{-1, -1}

// ownIdentity renews an id that nobody else has: its epoch can be raised without
// asking, as Kafka's own producer does (KIP-360).
func ownIdentity(c connection, was Identity) (Identity, error) {
	if was != nobody && was.Epoch < math.MaxInt16 {
		return Identity{was.ID, was.Epoch + 1}, nil
	}
	return c.producerID()
}

// advance is the sequence number n records after this one: they count from 0 to
// the largest int32 and then begin again.
func advance(sequence int32, n int) int32 {
	return int32((int64(sequence) + int64(n)) & math.MaxInt32)
}
