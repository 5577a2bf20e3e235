package cluster

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/IBM/sarama"
)

// Connection is one to a broker that the client library dials, encrypts and
// authenticates. It is then used without the library, which makes of each record
// a structure of its own: that costs more than all else that a job does with it.
// What the library's Broker asks must have been answered before.
type Connection struct {
	net.Conn
	Broker *sarama.Broker
}

// Dial connects to the broker at an address.
func Dial(address string, config *sarama.Config) (*Connection, error) {
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
	return &Connection{capture.conn, broker}, nil
}

// Frame reads an answer of at most so many bytes into memory that room gives.
func (c *Connection) Frame(most int, room func(size int) []byte) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if int64(n) > int64(most) {
		return nil, fmt.Errorf("an answer of %d bytes, want at most %d", n, most)
	}
	frame := room(int(n))
	_, err := io.ReadFull(c, frame)
	return frame, err
}

// Close closes the connection.
func (c *Connection) Close() error { return c.Broker.Close() }

// Newest is the newest version of a request that both sides know.
func (c *Connection) Newest(key, oldest, newest int16) (int16, error) {
	response, err := c.Broker.ApiVersions(&sarama.ApiVersionsRequest{})
	if err != nil {
		return 0, fmt.Errorf("ask %s what it speaks: %w", c.Broker.Addr(), err)
	}
	for _, k := range response.ApiKeys {
		if k.ApiKey == key && k.MinVersion <= newest && k.MaxVersion >= oldest {
			return min(k.MaxVersion, newest), nil
		}
	}
	return 0, fmt.Errorf("%s speaks none of the versions %d to %d of request %d, which Kafka 0.11 to 4 know", c.Broker.Addr(), oldest, newest, key)
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
