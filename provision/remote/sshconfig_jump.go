package remote

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// jump follows ProxyJump: the last host of the list connects to the machine,
// and the first one is reached as its own entry in the file says.
func (r *resolving) jump(h *Host, login Host) error {
	list := r.get("ProxyJump")
	if command := r.get("ProxyCommand"); command != "" && list == "" {
		return fmt.Errorf("ProxyCommand %s is not supported: use ProxyJump, or set the jump host in the stack", command)
	}
	if list == "" {
		return nil
	}
	list, err := r.expand(list, *h)
	if err != nil {
		return err
	}
	if r.depth++; r.depth > maxJumps {
		return fmt.Errorf("more than %d jump hosts in a row: is there a loop in ProxyJump?", maxJumps)
	}
	for i, hop := range strings.Split(list, ",") {
		next, alias, err := parseHop(strings.TrimSpace(hop))
		if err != nil {
			return err
		}
		next.logInLike(login)
		next.Jump = h.Jump
		on := resolving{SSHConfig: r.SSHConfig, alias: alias, depth: r.depth}
		if next, err = on.complete(next, i == 0); err != nil {
			return fmt.Errorf("jump host %s: %w", alias, err)
		}
		r.notes = append(r.notes, on.notes...)
		h.Jump = &next
	}
	return nil
}

// given completes the jump host that the Host has of its own.
func (r *resolving) given(h *Host) error {
	if r.depth++; r.depth > maxJumps {
		return fmt.Errorf("more than %d jump hosts in a row: is there a loop?", maxJumps)
	}
	on := resolving{SSHConfig: r.SSHConfig, alias: h.Jump.Address, depth: r.depth}
	next, err := on.complete(*h.Jump, true)
	if err != nil {
		return fmt.Errorf("jump host %s: %w", on.alias, err)
	}
	h.Jump, r.notes = &next, append(r.notes, on.notes...)
	return nil
}

// logInLike takes over how to log in and whom to trust, but not as whom.
func (h *Host) logInLike(other Host) {
	like := other
	like.Name, like.Address, like.Port, like.User, like.Jump = h.Name, h.Address, h.Port, h.User, h.Jump
	like.HostKey, like.HostKeyAlias, like.SudoPassword = "", "", ""
	*h = like
}

// parseHop reads [user@]host[:port], or ssh://[user@]host[:port].
func parseHop(hop string) (h Host, alias string, err error) {
	rest := strings.TrimPrefix(hop, "ssh://")
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		h.User, rest = rest[:at], rest[at+1:]
	}
	alias = rest
	if colon := strings.LastIndex(rest, ":"); colon >= 0 && (strings.Count(rest, ":") == 1 || strings.HasPrefix(rest, "[") && rest[colon-1] == ']') {
		alias = rest[:colon]
		if h.Port, err = strconv.Atoi(rest[colon+1:]); err != nil {
			return Host{}, "", fmt.Errorf("ProxyJump %s: %q is not a port", hop, rest[colon+1:])
		}
	}
	alias = strings.TrimSuffix(strings.TrimPrefix(alias, "["), "]")
	h.Name, h.Address = "jump host "+alias, alias
	if alias == "" {
		return Host{}, "", errors.New("ProxyJump names no host")
	}
	return h, alias, nil
}

// expand replaces ~, ${VARIABLES} and the tokens that weir knows the values of.
func (r *resolving) expand(value string, h Host) (string, error) {
	value = strings.Trim(value, `"`)
	if rest, ok := strings.CutPrefix(value, "~/"); ok {
		value = filepath.Join(r.home, rest)
	}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch {
		case strings.HasPrefix(value[i:], "${"):
			name, _, closed := strings.Cut(value[i+2:], "}")
			set, ok := os.LookupEnv(name)
			if !closed || !ok {
				return "", fmt.Errorf("%s names a variable of the environment that is not set", value)
			}
			b.WriteString(set)
			i += len("${}") + len(name) - 1
		case value[i] == '%' && i+1 < len(value):
			i++
			token, ok := map[byte]string{
				'%': "%", 'd': r.home, 'u': r.user, 'n': r.alias,
				'h': h.Address, 'p': h.port(), 'r': h.user(),
			}[value[i]]
			if !ok {
				return "", fmt.Errorf("%s holds %%%c, which weir does not know; write what it stands for", value, value[i])
			}
			b.WriteString(token)
		default:
			b.WriteByte(value[i])
		}
	}
	return b.String(), nil
}
