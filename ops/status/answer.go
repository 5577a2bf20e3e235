package status

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// read puts a machine's answer into m. Only units and paths that were asked for
// are taken, and only numbers where numbers belong; an answer without its last
// line was cut off and is an error.
func (q question) read(out []byte, m *Machine) error {
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if lines[len(lines)-1] != "end" {
		return errors.New("the answer was cut off: the script did not reach its end")
	}
	services := make([]Service, len(q.services))
	copy(services, q.services)
	unit := map[string]string{}
	flush := func() {
		for i := range services {
			if services[i].Unit == unit["Id"] {
				services[i].fill(unit, m.UptimeSeconds)
			}
		}
		unit = map[string]string{}
	}
	for _, line := range lines[:len(lines)-1] {
		word, rest, _ := strings.Cut(line, " ")
		key, value, isProperty := strings.Cut(line, "=")
		switch {
		case line == "":
			flush()
		case word == "uptime":
			m.UptimeSeconds = number(rest)
		case word == "load":
			m.Load = number(rest)
		case word == "disk":
			if d, ok := q.disk(rest); ok {
				m.Disks = append(m.Disks, d)
			}
		case word == "myid":
			m.MyID = plain(rest)
		case isProperty:
			unit[key] = value
		}
	}
	flush()
	m.Services = services
	for _, s := range services {
		if !s.Known {
			return fmt.Errorf("systemd said nothing of unit %s", s.Unit)
		}
	}
	return nil
}

// disk reads "index blocksize blocks available".
func (q question) disk(text string) (Disk, bool) {
	f := strings.Fields(text)
	if len(f) != 4 {
		return Disk{}, false
	}
	var n [4]int64
	for i := range f {
		var err error
		if n[i], err = strconv.ParseInt(f[i], 10, 64); err != nil || n[i] < 0 {
			return Disk{}, false
		}
	}
	i, size := n[0], n[1]
	if i >= int64(len(q.paths)) || size == 0 || n[2] > math.MaxInt64/size || n[3] > n[2] {
		return Disk{}, false
	}
	return Disk{Path: q.paths[i], TotalBytes: n[2] * size, FreeBytes: n[3] * size}, true
}

func (s *Service) fill(properties map[string]string, uptime float64) {
	s.Known = true
	s.Load = plain(properties["LoadState"])
	s.Active = plain(properties["ActiveState"])
	s.Sub = plain(properties["SubState"])
	s.PID = int(count(properties["MainPID"]))
	s.Restarts = int(count(properties["NRestarts"]))
	since := float64(count(properties["ActiveEnterTimestampMonotonic"])) / 1e6
	if s.Active == "active" && since > 0 && uptime >= since {
		s.SinceSeconds = uptime - since
	}
}

// number is a finite number that is not negative, or 0.
func number(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return 0
	}
	return v
}

// count is a whole number that fits 32 bits or, for times, 53; else 0.
func count(s string) int64 {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < 0 || v > 1<<53 {
		return 0
	}
	return v
}

// plainLimit is longer than every word that systemd has.
const plainLimit = 32

// plain is a word that may be shown on a terminal: letters, digits and hyphens.
func plain(s string) string {
	clean := strings.Map(func(r rune) rune {
		if r == '-' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, s)
	return clean[:min(len(clean), plainLimit)]
}
