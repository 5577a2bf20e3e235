package fetch

import (
	"context"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
)

// conn is a connection to a broker that speaks nothing but fetch requests. The
// library's own would also leave out what is needed to pass empty batches and to
// notice that a log was cut.
type conn struct {
	*cluster.Connection
	version     int16 // 0 for a broker before 0.10
	clientID    string
	timeout     time.Duration
	correlation int32
	request     []byte // reused
	stop        func() bool
}

// dial connects to the broker at an address. Cancelling ctx makes every use of
// the connection fail at once.
func dial(ctx context.Context, address string, config *sarama.Config) (*conn, error) {
	connection, err := cluster.Dial(address, config)
	if err != nil {
		return nil, err
	}
	version := int16(0)
	if !cluster.Old(config) {
		if version, err = connection.Newest(fetchKey, oldestFetch, newestFetch); err != nil {
			_ = connection.Close() // nothing but questions was sent
			return nil, err
		}
	}
	c := &conn{Connection: connection, version: version, clientID: config.ClientID, timeout: config.Net.ReadTimeout}
	c.stop = context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return c, nil
}

// close closes the connection; nothing is lost with one that only reads.
func (c *conn) close() {
	c.stop()
	_ = c.Close()
}

// maxResponse bounds a response: many times what is asked for, as one batch of
// records is sent whole however large it is.
const maxResponse = 100 << 20

// fetch sends a request and reads the response into a buffer.
func (c *conn) fetch(r request, into *buffer) (response, error) {
	if c.version == 0 {
		return c.fetchOld(r)
	}
	c.correlation++
	c.request = r.append(c.request[:0], c.version, c.correlation, c.clientID)
	if err := c.SetDeadline(time.Now().Add(c.timeout + maxWait)); err != nil {
		return response{}, err
	}
	if _, err := c.Write(c.request); err != nil {
		return response{}, err
	}
	frame, err := c.Frame(maxResponse, into.frame)
	if err != nil {
		return response{}, err
	}
	return parse(frame, c.version, c.correlation, r.partition)
}

// buffer is the memory of a response, of its batches and of what was decompressed
// of them.
type buffer struct {
	bytes   []byte
	batches []batch
	scratch []byte
}

func (b *buffer) frame(size int) []byte {
	if cap(b.bytes) < size {
		b.bytes = make([]byte, size)
	}
	b.bytes = b.bytes[:size]
	b.scratch = b.scratch[:0]
	return b.bytes
}
