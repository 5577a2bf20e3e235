package behavior

// maxStay is the largest stay in 1e-9 minutes; 1e15 fits an int64 with room for
// one more digit.
const maxStay = MaxStayMinutes * NanoPerMinute

// maxExponent is where an exponent stops mattering: no record is long enough
// for its digits to make up for it.
const maxExponent = 1 << 24

// decimal is a number as written: its digits with a point somewhere.
type decimal struct {
	// whole and fraction are the digits before and after the point.
	whole, fraction []byte
	exponent        int
	negative        bool
}

// digit returns the i-th digit of whole and fraction together.
func (d *decimal) digit(i int) int64 {
	if i < len(d.whole) {
		return int64(d.whole[i] - '0')
	}
	return int64(d.fraction[i-len(d.whole)] - '0')
}

func (d *decimal) len() int { return len(d.whole) + len(d.fraction) }

// parseStay reads minutes and rounds them half to even to 1e-9. A value above
// the limit by less than half a unit is rounded onto it.
func parseStay(s []byte) (int64, Reason) {
	d, ok := scanDecimal(s)
	if !ok {
		return 0, ReasonStay
	}
	n, ok := d.nano()
	if !ok || d.negative && n != 0 {
		return 0, ReasonStayRange
	}
	return n, ""
}

// scanDecimal accepts [+-] digits [. digits] [(e|E) [+-] digits], with at least
// one digit before or after the point, which is what Java prints and reads.
func scanDecimal(s []byte) (d decimal, ok bool) {
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	n := countDigits(s)
	d.whole, s = s[:n], s[n:]
	if len(s) > 0 && s[0] == '.' {
		n = countDigits(s[1:])
		d.fraction, s = s[1:1+n], s[1+n:]
	}
	if d.len() == 0 {
		return d, false
	}
	if len(s) > 0 && (s[0] == 'e' || s[0] == 'E') {
		d.exponent, ok = scanExponent(s[1:])
		return d, ok
	}
	return d, len(s) == 0
}

func scanExponent(s []byte) (int, bool) {
	negative := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if len(s) == 0 || countDigits(s) != len(s) {
		return 0, false
	}
	n := 0
	for _, c := range s {
		n = min(n*10+int(c-'0'), maxExponent)
	}
	if negative {
		n = -n
	}
	return n, true
}

func countDigits(s []byte) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// nano is the number in 1e-9, half to even; false where it is above maxStay.
func (d *decimal) nano() (int64, bool) {
	// The first `kept` digits are the integer part of the result.
	kept := len(d.whole) + d.exponent + 9
	var n int64
	for i := 0; i < kept && (i < d.len() || n > 0); i++ {
		n *= 10
		if i < d.len() {
			n += d.digit(i)
		}
		if n > maxStay {
			return 0, false
		}
	}
	if kept >= 0 && kept < d.len() && d.roundsUp(kept, n&1 == 1) {
		n++
	}
	return n, n <= maxStay
}

// roundsUp says whether the digits from i on are more than half a unit, or
// exactly half a unit after an odd one.
func (d *decimal) roundsUp(i int, odd bool) bool {
	if first := d.digit(i); first != 5 {
		return first > 5
	}
	for i++; i < d.len(); i++ {
		if d.digit(i) != 0 {
			return true
		}
	}
	return odd
}
