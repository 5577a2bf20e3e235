package connect

import (
	"log/slog"

	"weir/provision/remote"
)

func newPool(log *slog.Logger) *remote.Pool {
	opts := []remote.Option{remote.WithTimeouts(sshConnectTimeout, sshHandshakeTimeout)}
	if log != nil {
		opts = append(opts, remote.WithLogger(log))
	}
	return remote.NewPool(opts...)
}
