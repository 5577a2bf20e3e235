package remote

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// maxPinned bounds the text of pinned keys: a machine has a handful.
const maxPinned = 64 << 10

// plainAlgorithms are the host key algorithms for plain keys, best first.
// SHA-1 ("ssh-rsa") and DSA are left out.
var plainAlgorithms = []string{
	ssh.KeyAlgoED25519,
	ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
	ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
}

// verifier decides whether a machine's key is the right one.
type verifier struct {
	callback ssh.HostKeyCallback
	// algorithms puts those of the expected keys first. Without that a machine
	// with several keys may offer one we do not know, which looks like an
	// attack (golang/go#29286). The others follow so that a machine whose key
	// changed type is told as a mismatch, with the key that it offers.
	algorithms []string
}

// newVerifier makes the one of Host's ways to verify that is set; pinned keys
// win over known_hosts.
func newVerifier(h Host, log *slog.Logger) (verifier, error) {
	switch {
	case strings.TrimSpace(h.HostKey) != "":
		return pinnedVerifier(h.HostKey)
	case h.KnownHosts != "":
		return knownHostsVerifier(h)
	case h.InsecureIgnoreHostKey:
		log.Warn("host key is NOT verified: anyone on the way can read and change everything",
			"machine", h.label(), "address", h.hostport())
		//nolint:gosec // explicit, documented and loud
		return verifier{callback: ssh.InsecureIgnoreHostKey(), algorithms: plainAlgorithms}, nil
	}
	return verifier{}, ErrNoHostKey
}

func pinnedVerifier(text string) (verifier, error) {
	keys, err := parsePinned(text)
	if err != nil {
		return verifier{}, fmt.Errorf("hostKey: %w", err)
	}
	var types, expected []string
	for _, key := range keys {
		types = append(types, key.Type())
		expected = append(expected, fingerprint(key))
	}
	callback := func(_ string, _ net.Addr, offered ssh.PublicKey) error {
		for _, key := range keys {
			if bytes.Equal(key.Marshal(), offered.Marshal()) {
				return nil
			}
		}
		return &HostKeyError{Offered: fingerprint(offered), Expected: expected}
	}
	return verifier{callback: callback, algorithms: knownFirst(types)}, nil
}

func knownHostsVerifier(h Host) (verifier, error) {
	file, err := expandHome(h.KnownHosts)
	if err != nil {
		return verifier{}, fmt.Errorf("knownHosts: %w", err)
	}
	db, err := knownhosts.NewDB(file)
	if err != nil {
		return verifier{}, fmt.Errorf("knownHosts: %w", err)
	}
	check, name := db.HostKeyCallback(), h.knownAs()
	callback := func(_ string, remote net.Addr, offered ssh.PublicKey) error {
		return knownHostsCause(check(name, remote, offered), offered, file, xknownhosts.Normalize(name))
	}
	return verifier{callback: callback, algorithms: knownFirst(db.HostKeyAlgorithms(name))}, nil
}

// knownAs is host:port as known_hosts files name the machine. An alias stands
// for both, as in OpenSSH.
func (h Host) knownAs() string {
	if h.HostKeyAlias != "" {
		return net.JoinHostPort(h.HostKeyAlias, strconv.Itoa(DefaultPort))
	}
	return h.hostport()
}

// knownHostsCause turns the library's verdict into our causes.
func knownHostsCause(err error, offered ssh.PublicKey, file, name string) error {
	var revoked *xknownhosts.RevokedError
	var wrong *xknownhosts.KeyError
	switch {
	case errors.As(err, &revoked):
		return &HostKeyError{Offered: fingerprint(offered), Revoked: true}
	case errors.As(err, &wrong) && len(wrong.Want) == 0:
		return &UnknownHostError{Offered: fingerprint(offered), File: file, Name: name}
	case errors.As(err, &wrong):
		mismatch := &HostKeyError{Offered: fingerprint(offered), File: file, Name: name}
		for _, known := range wrong.Want {
			mismatch.Expected = append(mismatch.Expected, fmt.Sprintf("%s (%s:%d)", fingerprint(known.Key), known.Filename, known.Line))
		}
		return mismatch
	}
	return err
}

// knownFirst orders host key algorithms: those of the known keys, then the rest.
func knownFirst(types []string) []string {
	var algorithms []string
	for _, t := range slices.Concat(types, plainAlgorithms) {
		for _, a := range algorithmsOf(t) {
			if !slices.Contains(algorithms, a) {
				algorithms = append(algorithms, a)
			}
		}
	}
	return algorithms
}

// algorithmsOf is how a key of that type may sign: RSA keys with SHA-2 only.
func algorithmsOf(keyType string) []string {
	if keyType == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{keyType}
}

func fingerprint(key ssh.PublicKey) string {
	return key.Type() + " " + ssh.FingerprintSHA256(key)
}

// parsePinned reads one public key a line. It takes what people paste: lines of
// authorized_keys ("type key comment") and of ssh-keyscan ("host type key").
func parsePinned(text string) ([]ssh.PublicKey, error) {
	if len(text) > maxPinned {
		return nil, &LimitError{What: "the text of pinned keys", Limit: maxPinned}
	}
	var keys []ssh.PublicKey
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, err := parsePinnedLine(strings.Fields(line))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("no key in it; expected lines like \"ssh-ed25519 AAAA...\"")
	}
	return keys, nil
}

func parsePinnedLine(fields []string) (ssh.PublicKey, error) {
	if strings.HasPrefix(fields[0], "@") {
		return nil, fmt.Errorf("marker %q is not for pinned keys: use a known_hosts file", fields[0])
	}
	for start := range min(2, len(fields)-1) {
		blob, err := base64.StdEncoding.DecodeString(fields[start+1])
		if err != nil {
			continue
		}
		key, err := ssh.ParsePublicKey(blob)
		if err != nil || key.Type() != fields[start] {
			continue
		}
		if _, isCertificate := key.(*ssh.Certificate); isCertificate {
			return nil, errors.New("a certificate cannot be pinned: use a known_hosts file with @cert-authority")
		}
		return key, nil
	}
	return nil, errors.New("not a public key; expected \"ssh-ed25519 AAAA...\"")
}
