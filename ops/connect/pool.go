package connect

import (
	"log/slog"

	"weir/provision/remote"
)

// NewPool returns connections with the patience of somebody in front of a screen;
// log, which may be nil, is where their warnings go.
func NewPool(log *slog.Logger) *remote.Pool {
	opts := []remote.Option{remote.WithTimeouts(sshConnectTimeout, sshHandshakeTimeout)}
	if log != nil {
		opts = append(opts, remote.WithLogger(log))
	}
	return remote.NewPool(opts...)
}
