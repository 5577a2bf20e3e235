// Command crowd is many machines in one: SSH servers on one address, each with
// a port and a host key of its own, that all run commands with this machine's
// shell. It writes how to reach each, one JSON object of a remote.Host a line,
// and ends with its standard input.
//
// It is what a hundred machines are where there is room for three: what they
// answer is true, as the machine below them is what it should be.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"weir/provision/remote/remotetest"
)

func main() {
	address := flag.String("address", "127.0.0.1", "where to listen")
	machines := flag.Int("machines", 1, "how many machines to be")
	flag.Parse()
	if err := serve(*address, *machines, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "crowd:", err)
		os.Exit(1)
	}
}

// serve is the machines until stdin ends.
func serve(address string, machines int, stdin io.Reader, stdout io.Writer) error {
	hosts := json.NewEncoder(stdout)
	for i := range machines {
		server, err := remotetest.Listen(remotetest.Config{Name: fmt.Sprintf("crowd-%03d", i+1), Address: address})
		if err != nil {
			return err
		}
		defer server.Close()
		if err := hosts.Encode(server.Host()); err != nil {
			return err
		}
	}
	_, err := io.Copy(io.Discard, stdin)
	return err
}
