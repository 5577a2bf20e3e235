package fetch

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
)

// conn is a connection to a broker that speaks nothing but fetch requests. The
// client library dials, encrypts and authenticates it. It is then used without
// the library, which would decode every record into a structure of its own: that
// costs twice as much as all that the calculator does with the record, and leaves
// out what is needed to pass empty batches and to notice that a log was cut.
type conn struct {
	net.Conn
	broker      *sarama.Broker
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
	own := *config
	capture := &capturing{config: config}
	own.Net.Proxy.Enable, own.Net.Proxy.Dialer, own.Net.TLS.Enable = true, capture, false
	broker := sarama.NewBroker(address)
	if err := broker.Open(&own); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	if _, err := broker.Connected(); err != nil { // which waits
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	version := int16(0)
	if !cluster.Old(config) {
		var err error
		if version, err = negotiate(broker); err != nil {
			_ = broker.Close() // nothing but questions was sent
			return nil, fmt.Errorf("ask %s what it speaks: %w", address, err)
		}
	}
	c := &conn{Conn: capture.conn, broker: broker, version: version, clientID: config.ClientID, timeout: config.Net.ReadTimeout}
	c.stop = context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return c, nil
}

// negotiate is the newest fetch request that both sides know.
func negotiate(broker *sarama.Broker) (int16, error) {
	response, err := broker.ApiVersions(&sarama.ApiVersionsRequest{})
	if err != nil {
		return 0, err
	}
	for _, key := range response.ApiKeys {
		if key.ApiKey == fetchKey && key.MinVersion <= newestFetch && key.MaxVersion >= oldestFetch {
			return min(key.MaxVersion, newestFetch), nil
		}
	}
	return 0, fmt.Errorf("it speaks none of the fetch requests %d to %d, which Kafka 0.11 to 4 know", oldestFetch, newestFetch)
}

// close closes the connection; nothing is lost with one that only reads.
func (c *conn) close() {
	c.stop()
	_ = c.broker.Close()
}

// capturing dials as the library would and keeps the connection.
type capturing struct {
	config *sarama.Config
	conn   net.Conn
}

// Dial implements proxy.Dialer.
func (d *capturing) Dial(network, address string) (c net.Conn, err error) {
	n := d.config.Net
	if n.Proxy.Enable {
		c, err = n.Proxy.Dialer.Dial(network, address)
	} else {
		c, err = (&net.Dialer{Timeout: n.DialTimeout, KeepAlive: n.KeepAlive, LocalAddr: n.LocalAddr}).Dial(network, address)
	}
	if err == nil && n.TLS.Enable {
		c, err = encrypt(c, address, n.TLS.Config)
	}
	d.conn = c
	return c, err
}

func encrypt(c net.Conn, address string, config *tls.Config) (net.Conn, error) {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(address)
	}
	encrypted := tls.Client(c, config)
	if err := encrypted.Handshake(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return encrypted, nil
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
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return response{}, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxResponse {
		return response{}, fmt.Errorf("a response of %d bytes, want at most %d", n, maxResponse)
	}
	if _, err := io.ReadFull(c, into.frame(int(n))); err != nil {
		return response{}, err
	}
	return parse(into.bytes, c.version, c.correlation, r.partition)
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
