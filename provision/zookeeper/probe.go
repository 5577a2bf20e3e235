package zookeeper

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/provision/remote"
)

const (
	// probeTimeout bounds one four-letter word: a member that serves answers
	// within milliseconds, and one that garbage collects for longer is not well.
	probeTimeout = 5 * time.Second
	// answerLimit bounds an answer in bytes; srvr and conf need about one KiB.
	answerLimit = 64 << 10
)

// The modes a member can be in.
const (
	Leader     = "leader"
	Follower   = "follower"
	Observer   = "observer"
	Standalone = "standalone"
)

// Status is what a member says of itself.
type Status struct {
	Mode    string `json:"mode"`
	Version string `json:"version"`
	// ID is its myid; 0 where the member did not say (before 3.5).
	ID int `json:"id"`
	// ZxID is the last transaction it has seen: epoch in the upper 32 bits.
	ZxID uint64 `json:"zxid"`
	// Connections are its clients, this probe included.
	Connections int `json:"connections"`
	// Outstanding are requests that wait for an answer.
	Outstanding int `json:"outstanding"`
	// Membership are the server lines that it runs with, sorted; empty before 3.5.
	Membership []string `json:"membership,omitempty"`
}

// NotServingError says that a member runs but has no quorum to serve with, or
// refuses the question.
type NotServingError struct{ Answer string }

func (e *NotServingError) Error() string { return "does not serve: " + e.Answer }

// Probe asks the member at address (host:port) for its status, twice through
// dial. A member that answers without serving is a *NotServingError.
func Probe(ctx context.Context, dial remote.Dialer, address string) (Status, error) {
	answer, err := ask(ctx, dial, address, "srvr")
	if err != nil {
		return Status{}, err
	}
	s, err := parseServer(answer)
	if err != nil {
		return Status{}, err
	}
	answer, err = ask(ctx, dial, address, "conf")
	if err != nil {
		return Status{}, err
	}
	s.ID, s.Membership = parseConf(answer)
	return s, nil
}

// ask sends one four-letter word and reads until the member closes.
func ask(ctx context.Context, dial remote.Dialer, address, word string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := dial.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("zookeeper %s: %w", address, err)
	}
	defer conn.Close()
	// Closing works on every connection; those through SSH know no deadlines.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err = io.WriteString(conn, word); err == nil {
		var answer []byte
		if answer, err = io.ReadAll(io.LimitReader(conn, answerLimit+1)); err == nil {
			if len(answer) > answerLimit {
				return nil, fmt.Errorf("zookeeper %s: the answer to %s is longer than %d bytes", address, word, answerLimit)
			}
			return answer, nil
		}
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return nil, fmt.Errorf("zookeeper %s: %s was not answered: %w", address, word, err)
}

// parseServer reads the answer to srvr: "Name: value" lines.
func parseServer(answer []byte) (Status, error) {
	fields := maps.Collect(lines(answer, ":"))
	s := Status{Mode: fields["Mode"]}
	switch s.Mode {
	case Leader, Follower, Observer, Standalone:
	default:
		return Status{}, &NotServingError{Answer: firstLine(answer)}
	}
	// "3.8.4-9316c2a, built on 2024-02-12 22:16 UTC"
	version, _, _ := strings.Cut(fields["Zookeeper version"], ",")
	s.Version, _, _ = strings.Cut(version, "-")
	var err error
	if s.ZxID, err = strconv.ParseUint(fields["Zxid"], 0, 64); err != nil {
		return Status{}, fmt.Errorf("zookeeper answered srvr with the zxid %q: %w", fields["Zxid"], err)
	}
	// Missing counts are 0: 3.3 did not have them and nothing depends on them.
	s.Connections, _ = strconv.Atoi(fields["Connections"])
	s.Outstanding, _ = strconv.Atoi(fields["Outstanding"])
	return s, nil
}

// parseConf reads myid and membership from the answer to conf: "name=value" lines.
func parseConf(answer []byte) (id int, membership []string) {
	for key, value := range lines(answer, "=") {
		switch {
		case key == "serverId":
			id, _ = strconv.Atoi(value)
		case strings.HasPrefix(key, "server."):
			// What follows is the client address, which a member knows of itself alone.
			peer, _, _ := strings.Cut(value, ";")
			membership = append(membership, key+"="+peer)
		}
	}
	slices.Sort(membership)
	return id, membership
}

// lines yields what stands before and after the first separator of each line.
func lines(text []byte, separator string) func(yield func(string, string) bool) {
	return func(yield func(string, string) bool) {
		scan := bufio.NewScanner(bytes.NewReader(text))
		for scan.Scan() {
			key, value, ok := strings.Cut(scan.Text(), separator)
			if ok && !yield(strings.TrimSpace(key), strings.TrimSpace(value)) {
				return
			}
		}
	}
}

// quotedLimit bounds what of a stranger's answer goes into a message.
const quotedLimit = 120

func firstLine(answer []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(answer)), "\n")
	if line == "" {
		return "empty answer"
	}
	return strings.Trim(strconv.QuoteToGraphic(line[:min(len(line), quotedLimit)]), `"`)
}
