package behavior

import "math"

// tens are the powers of ten.
var tens = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11}

// appendPlain appends a float from 1e-3 to below 1e7 with the fewest digits that
// tell it from its neighbours, at least one of them behind the point. So does
// strconv, for all floats, in twice the time, a fifth of what a producer took.
//
// A float is a whole number of steps, and what is nearer to it than half a step is
// read as it. The decimal with so many digits that they are closer together than
// steps always is; with a digit less, one at most is, or none.
func appendPlain(dst []byte, f float32) []byte {
	const mantissa = 23 // bits
	bits := math.Float32bits(f)
	rest := bits & (1<<mantissa - 1)
	places := 127 + mantissa - bits>>mantissa // of a step, in bits behind the point
	steps := uint64(rest | 1<<mantissa)
	dst = append(appendInt(dst, int(steps>>places)), '.')

	finer := places
	if rest == 0 {
		finer++ // below a power of two, steps are half as long
	}
	digits := finer*1233>>12 + 1 // log10(2) is 1233/4096, for so few
	step := tens[digits]         // in units of 2^-places of the last digit
	exact := (steps & (1<<places - 1)) * step
	if digits > 1 {
		short := (exact>>places + 5) / 10
		off := 2 * (exact - short*10<<places)
		if int64(off) < 0 {
			off = -off
		} else if rest == 0 {
			off *= 2
		}
		if off < step || off == step && steps&1 == 0 {
			for digits--; digits > 1 && short%10 == 0; digits-- {
				short /= 10
			}
			return appendDigits(dst, short, digits)
		}
	}
	odd := exact >> places & 1 // half-way, the even one is taken
	return appendDigits(dst, (exact+(1<<places-1+odd)>>1)>>places, digits)
}

// appendDigits appends the last digits of a number.
func appendDigits(dst []byte, n uint64, digits uint32) []byte {
	start := len(dst)
	dst = append(dst, "00000000000"[:digits]...)
	for i := len(dst) - 1; i >= start; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}
