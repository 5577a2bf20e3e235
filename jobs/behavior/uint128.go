package behavior

import (
	"fmt"
	"math/big"
	"math/bits"
)

// Uint128 is an unsigned integer of 128 bits. Its zero value is 0; == compares.
type Uint128 struct{ Hi, Lo uint64 }

// Add returns u+v; overflow is true where that does not fit.
func (u Uint128) Add(v Uint128) (sum Uint128, overflow bool) {
	lo, carry := bits.Add64(u.Lo, v.Lo, 0)
	hi, carry := bits.Add64(u.Hi, v.Hi, carry)
	return Uint128{hi, lo}, carry != 0
}

// Sub returns u-v; underflow is true where v is larger than u.
func (u Uint128) Sub(v Uint128) (difference Uint128, underflow bool) {
	lo, borrow := bits.Sub64(u.Lo, v.Lo, 0)
	hi, borrow := bits.Sub64(u.Hi, v.Hi, borrow)
	return Uint128{hi, lo}, borrow != 0
}

// Big returns the number as a new big.Int.
func (u Uint128) Big() *big.Int {
	n := new(big.Int).SetUint64(u.Hi)
	return n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(u.Lo))
}

// String is the number in decimal digits.
func (u Uint128) String() string { return u.Big().String() }

// MarshalJSON writes a JSON number: all its digits, no exponent.
func (u Uint128) MarshalJSON() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalJSON reads what MarshalJSON writes and refuses anything else.
func (u *Uint128) UnmarshalJSON(text []byte) error {
	n, ok := new(big.Int).SetString(string(text), 10)
	if !ok || n.Sign() < 0 || n.BitLen() > 128 {
		return fmt.Errorf("%q is not an integer from 0 to 2^128-1", text)
	}
	u.Lo = new(big.Int).And(n, new(big.Int).SetUint64(^uint64(0))).Uint64()
	u.Hi = n.Rsh(n, 64).Uint64()
	return nil
}
