package machine

import (
	"context"
	"fmt"
	"strings"
)

// ShownScript is a script as a machine would get it, for a person to read.
type ShownScript struct {
	// Step is what it is for: "lock", "observe", "stage" or "switch".
	Step string `json:"step"`
	// Text is exactly what would run, the digests of secrets masked. It runs as root.
	Text string `json:"text"`
	// Payloads are what the script reads on its standard input, in this order.
	Payloads []Payload `json:"payloads,omitempty"`
}

// Payload names what goes to a machine behind a script.
type Payload struct {
	// Name is "file /etc/weir/kafka/server.properties", "release kafka 3.9.2".
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	// SHA256 is the content's; of a release that of its list of checksums,
	// which the machine verifies. A secret has none here.
	SHA256 string `json:"sha256,omitempty"`
}

// masked stands for what must not be shown.
const masked = "[secret]"

// Scripts are what a run would send to the machine to carry out the plan, in
// this order. The sizes of releases are part of them: packs is asked for those.
func Scripts(ctx context.Context, p Plan, holder string, packs Packs) ([]ShownScript, error) {
	scripts := []ShownScript{
		{Step: "lock", Text: lockScript(holder)},
		{Step: "observe", Text: ObserveScript(p.desired)},
	}
	for _, phase := range []Phase{Stage, Switch} {
		steps := p.In(phase)
		if len(steps) == 0 {
			continue
		}
		s, err := applied(ctx, steps, packs)
		if err != nil {
			return nil, fmt.Errorf("machine %s: %w", p.Machine, err)
		}
		name, _ := phase.MarshalText()
		s.Step = string(name)
		scripts = append(scripts, s)
	}
	return scripts, nil
}

// applied is the script that carries out steps of one phase.
func applied(ctx context.Context, steps []Step, packs Packs) (ShownScript, error) {
	payload, err := openPayload(ctx, nil, steps, packs)
	if err != nil {
		return ShownScript{}, err
	}
	payload.Close()
	shown := ShownScript{Text: applyScript(steps, payload.sizes)}
	for i, s := range steps {
		size, ok := payload.sizes[i]
		if !ok {
			continue
		}
		p := Payload{Name: s.Kind + " " + s.Target, Bytes: size.bytes}
		switch content, written := s.content(); {
		case s.file != nil && s.file.Secret:
			shown.Text = strings.ReplaceAll(shown.Text, Digest(content), masked)
		case written:
			p.SHA256 = Digest(content)
		default:
			p.SHA256 = s.release.Digest
		}
		shown.Payloads = append(shown.Payloads, p)
	}
	return shown, nil
}
