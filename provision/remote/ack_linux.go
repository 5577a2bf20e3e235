package remote

import (
	"net"
	"syscall"
)

// tcpQuickACK is TCP_QUICKACK of linux/tcp.h.
const tcpQuickACK = 12

// acknowledge tells a peer at once what arrived from it. Until its first
// session sshd leaves Nagle's algorithm on and holds the answer to our first
// request back until what it said before is acknowledged, for which the kernel
// otherwise waits 40 ms. The kernel forgets the wish soon: it is repeated after
// each read.
func acknowledge(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpQuickACK, 1) })
	}
}
