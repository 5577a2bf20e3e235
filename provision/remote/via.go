package remote

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	// directTimeout bounds the direct try: an address in the same network
	// answers in milliseconds, one behind a firewall never does.
	directTimeout = time.Second
	// reachTimeout bounds Dial, which has no context.
	reachTimeout = 10 * time.Second
)

// Reach dials addresses of a cluster from wherever this program runs: directly
// where that works, else through machines that are reached by SSH. It remembers
// per address which way worked. It is safe for concurrent use, and fits
// sarama's Config.Net.Proxy.Dialer and whatever takes a golang.org/x/net/proxy.Dialer.
type Reach struct {
	ways []Dialer

	mu     sync.Mutex
	worked map[string]int // address to index of ways
}

var _ Dialer = (*Reach)(nil)

// Via returns a Reach that tries direct first, for at most a second an address,
// and then through, all at once: several machines, so that one that is down does
// not hide the others.
func Via(direct Dialer, through ...Dialer) *Reach {
	ways := append([]Dialer{shortDialer{direct}}, through...)
	return &Reach{ways: ways, worked: make(map[string]int)}
}

// Dial is DialContext with a bound of 10 s.
func (r *Reach) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), reachTimeout)
	defer cancel()
	return r.DialContext(ctx, network, address)
}

// DialContext connects to address by the way that worked last; else directly,
// and else through all machines at once, by the first that gets there: those
// that are down cost no time then. The error is a *NoWayError.
func (r *Reach) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var failed []error
	for _, ways := range r.order(address) {
		conn, way, err := r.first(ctx, network, address, ways)
		if err == nil {
			r.remember(address, way)
			return conn, nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, &NoWayError{Address: address, Err: errors.Join(failed...)}
}

// order is the indexes of the ways, in the groups in which they are tried: the
// one that worked last, the direct one, all others at once.
func (r *Reach) order(address string) [][]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.worked[address]
	var others []int
	for i := 1; i < len(r.ways); i++ {
		if i != last {
			others = append(others, i)
		}
	}
	groups := [][]int{{last}}
	if last != 0 {
		groups = append(groups, []int{0})
	}
	if len(others) > 0 {
		groups = append(groups, others)
	}
	return groups
}

// first dials all ways at once and keeps the first connection.
func (r *Reach) first(ctx context.Context, network, address string, ways []int) (net.Conn, int, error) {
	type answer struct {
		conn net.Conn
		way  int
		err  error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer, len(ways))
	for _, way := range ways {
		go func() {
			conn, err := r.ways[way].DialContext(ctx, network, address)
			answers <- answer{conn, way, err}
		}()
	}
	failed := make([]error, len(r.ways))
	for i := range ways {
		a := <-answers
		if a.err != nil {
			failed[a.way] = a.err
			continue
		}
		go func() { // those that come too late
			for range len(ways) - i - 1 {
				if late := <-answers; late.err == nil {
					_ = late.conn.Close()
				}
			}
		}()
		return a.conn, a.way, nil
	}
	return nil, 0, errors.Join(failed...)
}

func (r *Reach) remember(address string, way int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.worked[address] = way
}

// shortDialer gives up where an answer from the same network would have come.
type shortDialer struct{ Dialer }

func (d shortDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, directTimeout)
	defer cancel()
	return d.Dialer.DialContext(ctx, network, address)
}
