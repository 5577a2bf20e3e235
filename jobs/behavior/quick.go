package behavior

// power[n] is 10 to the power of 9-n: what turns n digits behind the point into
// units of 1e-9.
var power = [...]int64{1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2, 10, 1}

// quick reads, in one pass, a message as nearly all are: a page id in ASCII,
// digits, a stay with at most nine digits behind the point and no exponent. It is
// false for all others, good and bad: Parse then reads them field by field. It
// takes a third of the time.
func quick(line []byte) (m Message, ok bool) {
	i := 0
	for i < len(line) && line[i] != '|' {
		if line[i] < 0x20 || line[i] >= 0x7f {
			return m, false
		}
		i++
	}
	if i == 0 || i > MaxPageBytes || i == len(line) {
		return m, false
	}
	m.Page = line[:i:i]
	if m.Clicks, i = whole(line, i+1, MaxClicks); i == len(line) || line[i] != '|' {
		return m, false
	}
	if m.StayNano, i = fixed(line, i+1); i == len(line) || line[i] != '|' {
		return m, false
	}
	m.Like, ok = like(line[i+1:])
	return m, ok
}

// whole reads digits from a place on and returns the number and the place behind
// them: the line's length where there are none, or the number is too large.
func whole(line []byte, i int, most int64) (n int64, end int) {
	start := i
	for ; i < len(line) && line[i]-'0' <= 9; i++ {
		if n = n*10 + int64(line[i]-'0'); n > most {
			return 0, len(line)
		}
	}
	if i == start {
		return 0, len(line)
	}
	return n, i
}

// fixed is whole for a number with digits behind a point, in units of 1e-9.
func fixed(line []byte, i int) (n int64, end int) {
	n, i = whole(line, i, MaxStayMinutes)
	if i == len(line) || line[i] != '.' {
		return n * NanoPerMinute, i
	}
	start := i + 1
	var fraction int64
	for i = start; i < len(line) && line[i]-'0' <= 9; i++ {
		if i-start == len(power)-1 {
			return 0, len(line)
		}
		fraction = fraction*10 + int64(line[i]-'0')
	}
	if n = n*NanoPerMinute + fraction*power[i-start]; n > maxStay {
		return 0, len(line)
	}
	return n, i
}

func like(s []byte) (int64, bool) {
	switch {
	case len(s) == 1 && s[0] == '1':
		return 1, true
	case len(s) == 1 && s[0] == '0':
		return 0, true
	case len(s) == 2 && s[0] == '-' && s[1] == '1':
		return -1, true
	}
	return 0, false
}
