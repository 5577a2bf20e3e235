package remote

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/kevinburke/ssh_config"
)

// SSHConfig is an OpenSSH client's configuration (ssh_config(5)), as far as
// weir follows it: Host and "Match host" blocks, Include, and of their keywords
// HostName, Port, User, IdentityFile, IdentitiesOnly, IdentityAgent, ProxyJump,
// HostKeyAlias and UserKnownHostsFile. Keywords that change where a connection
// goes, or whom it trusts, and are not followed are told; a ProxyCommand is an
// error, and so are other Match blocks, as what they hold cannot be judged.
type SSHConfig struct {
	file, home, user string
	config           *ssh_config.Config
}

// maxSSHConfig bounds the file, in bytes: people's have a few kilobytes.
const maxSSHConfig = 1 << 20

// ReadSSHConfig reads such a file. home is what ~ stands for in it.
func ReadSSHConfig(file, home string) (*SSHConfig, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if len(text) > maxSSHConfig {
		return nil, fmt.Errorf("%s: %w", file, &LimitError{What: "an SSH client's configuration", Limit: maxSSHConfig})
	}
	config, err := ssh_config.Decode(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	c := &SSHConfig{file: file, home: home, config: config}
	if u, err := user.Current(); err == nil {
		c.user = u.Username
	}
	return c, nil
}

// notFollowed are keywords whose effect a person may count on.
var notFollowed = []string{
	"AddressFamily", "BindAddress", "BindInterface", "CanonicalizeHostname", "CertificateFile", "GlobalKnownHostsFile",
	"Ciphers", "HostKeyAlgorithms", "KexAlgorithms", "MACs", "PubkeyAcceptedAlgorithms", "KnownHostsCommand",
	"PKCS11Provider", "PreferredAuthentications", "SecurityKeyProvider", "VerifyHostKeyDNS",
}

// Complete returns h with what it leaves open taken from the configuration for
// alias, which is what one would type behind `ssh`. What h says is kept, as
// options on a command line win over the file. Jump hosts are completed too, by
// their addresses; those of the file log in as h does unless the file says otherwise. notes tell, a line
// each, what the file says that is not followed.
func (c *SSHConfig) Complete(h Host, alias string) (completed Host, notes []string, err error) {
	r := resolving{SSHConfig: c, alias: alias}
	h, err = r.complete(h, true)
	if err != nil {
		return Host{}, nil, fmt.Errorf("%s, host %s: %w", c.file, alias, err)
	}
	return h, r.notes, nil
}

// resolving is the completion of one Host, and of its jump hosts.
type resolving struct {
	*SSHConfig
	alias string
	depth int
	notes []string
}

func (r *resolving) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf("%s, host %s: ", r.file, r.alias)+fmt.Sprintf(format, args...))
}

// get is the first value that the file has for the alias, "" where it has none
// or "none".
func (r *resolving) get(keyword string) string {
	value, err := r.config.Get(r.alias, keyword)
	if err != nil || strings.EqualFold(value, "none") {
		return ""
	}
	return value
}

func (r *resolving) complete(h Host, jumps bool) (Host, error) {
	base := h
	steps := []func(*Host) error{r.address, r.hostKeys, r.identity}
	switch {
	case jumps && h.Jump == nil:
		steps = append(steps, func(h *Host) error { return r.jump(h, base) })
	case jumps:
		steps = append(steps, r.given)
	}
	for _, step := range steps {
		if err := step(&h); err != nil {
			return Host{}, err
		}
	}
	for _, keyword := range notFollowed {
		if value := r.get(keyword); value != "" {
			r.note("%s %s is not followed", keyword, value)
		}
	}
	return h, nil
}

func (r *resolving) address(h *Host) (err error) {
	if name := r.get("HostName"); name != "" {
		if h.Address, err = r.expand(name, *h); err != nil {
			return err
		}
	}
	if port := r.get("Port"); port != "" && h.Port == 0 {
		if h.Port, err = strconv.Atoi(port); err != nil || h.Port < 1 || h.Port > 65535 {
			return fmt.Errorf("the port %s is not between 1 and 65535", port)
		}
	}
	h.User = cmp.Or(h.User, r.get("User"))
	return nil
}

// hostKeys never gives verification up, whatever the file says.
func (r *resolving) hostKeys(h *Host) (err error) {
	h.HostKeyAlias = cmp.Or(h.HostKeyAlias, r.get("HostKeyAlias"))
	if strict := strings.ToLower(r.get("StrictHostKeyChecking")); strict != "" && strict != "yes" && strict != "ask" {
		r.note("StrictHostKeyChecking %s is not followed: host keys are always verified", strict)
	}
	if h.HostKey != "" || h.KnownHosts != "" || h.InsecureIgnoreHostKey {
		return nil
	}
	files := strings.Fields(cmp.Or(r.get("UserKnownHostsFile"), "~/.ssh/known_hosts ~/.ssh/known_hosts2"))
	h.KnownHosts, err = r.first("UserKnownHostsFile", files, *h)
	return err
}

// identity finds the key, and whose keys are offered.
func (r *resolving) identity(h *Host) (err error) {
	h.IdentitiesOnly = h.IdentitiesOnly || strings.EqualFold(r.get("IdentitiesOnly"), "yes")
	switch socket := r.get("IdentityAgent"); {
	case socket == "" || h.AgentSocket != "":
	case socket == "SSH_AUTH_SOCK":
		h.Agent = true
	default:
		h.Agent = true
		if h.AgentSocket, err = r.expand(socket, *h); err != nil {
			return err
		}
	}
	if h.PrivateKey != "" || h.PrivateKeyFile != "" {
		return nil
	}
	files, err := r.config.GetAll(r.alias, "IdentityFile")
	if err != nil {
		return err
	}
	if len(files) == 0 {
		files = []string{"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"}
		if h.Agent || h.Password != "" {
			return nil // nobody asked for these
		}
	}
	h.PrivateKeyFile, err = r.first("IdentityFile", files, *h)
	return err
}

// first is the first of files that is there; where none is, the first of all,
// so that what needs it says which file is missing.
func (r *resolving) first(keyword string, files []string, h Host) (string, error) {
	found, all := "", []string{}
	for _, file := range files {
		if strings.EqualFold(file, "none") {
			continue
		}
		path, err := r.expand(file, h)
		if err != nil {
			return "", fmt.Errorf("%s: %w", keyword, err)
		}
		all = append(all, path)
		if !exists(path) && !exists(path+".pub") { // an agent may hold the private half
			continue
		}
		if found == "" {
			found = path
		} else if r.get(keyword) != "" {
			r.note("%s %s is not followed: one file is used, %s", keyword, path, found)
		}
	}
	if found == "" && len(all) > 0 {
		found = all[0]
	}
	return found, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
