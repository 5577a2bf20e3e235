package main

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"text/template"

	"gopkg.in/yaml.v3"

	"weir/infra/stack"
)

// draft is what a new stack is made from.
type draft struct {
	// Containers is how many machines to make here; else Machines says where
	// they are.
	Containers int
	// Subnet is the containers' network; localSubnet where it is not set.
	Subnet   netip.Prefix
	Machines []stack.Machine
	SSH      stack.SSH
	// Article makes it the article's cluster, to the letter.
	Article bool

	// adopted is the cluster that runs there; nil is none.
	adopted *adopted
}

// firstContainer is the first container's place in the network: low addresses
// are left to the computer itself.
const firstContainer = 11

// yaml writes the stack's config: short, with what a person changes first.
func (d draft) yaml(name string) ([]byte, error) {
	machines, subnet := d.Machines, localSubnet
	if d.Subnet.IsValid() {
		subnet = d.Subnet
	}
	for i := range d.Containers {
		address := subnet.Addr().As4()
		address[3] = byte(firstContainer + i)
		machines = append(machines, stack.Machine{
			Name: fmt.Sprintf("weir-%d", i+1), Address: netip.AddrFrom4(address).String(), Container: true,
		})
	}
	var b bytes.Buffer
	err := draftTemplate.Execute(&b, map[string]any{
		"Stack": name, "Machines": machines, "SSH": d.SSH, "Own": d.Containers == 0, "Adopted": d.adopted,
		"Article": d.Article, "Subnet": subnetKey(subnet),
		"First": machines[0].Name, "Second": machines[min(1, len(machines)-1)].Name,
	})
	return b.Bytes(), err
}

// subnetKey is a network as it is written; nothing for the config's default.
func subnetKey(subnet netip.Prefix) string {
	if subnet == localSubnet {
		return ""
	}
	return subnet.String()
}

// reachYAML is a stack of machines and the way to them, with nothing on them.
func (d draft) reachYAML() ([]byte, error) {
	var b bytes.Buffer
	err := draftTemplate.ExecuteTemplate(&b, "reach", map[string]any{"Machines": d.Machines, "SSH": d.SSH, "Own": true, "Subnet": ""})
	return b.Bytes(), err
}

var draftTemplate = template.Must(template.New("stack").Funcs(template.FuncMap{"yaml": scalar}).Parse(
	`{{define "reach" -}}
config:
  weir:cluster:
    machines:
{{- range .Machines}}
      - {name: {{yaml .Name}}, address: {{yaml .Address}}
	{{- if .Container}}, container: true{{end}}
	{{- if .SSHAddress}}, sshAddress: {{yaml .SSHAddress}}{{end}}
	{{- if .User}}, user: {{yaml .User}}{{end}}
	{{- if .Port}}, port: {{.Port}}{{end}}
	{{- if .HostKey}}, hostKey: {{yaml .HostKey}}{{end -}} }
{{- end}}
{{- with .Subnet}}
    containers: {subnet: {{.}}}
{{- end}}
{{- if .Own}}
    ssh:
      user: {{yaml .SSH.User}}
	{{- if .SSH.PrivateKeyFile}}
      privateKeyFile: {{yaml .SSH.PrivateKeyFile}}{{end}}
	{{- if .SSH.Agent}}
      agent: true{{end}}
	{{- if .SSH.KnownHosts}}
      knownHosts: {{yaml .SSH.KnownHosts}}{{end}}
	{{- with .SSH.Jump}}
      jump: {address: {{yaml .Address}}{{if .User}}, user: {{yaml .User}}{{end}}{{if .Port}}, port: {{.Port}}{{end -}} }
	{{- end}}
{{- end}}
{{end -}}
# What stack {{.Stack}} should be. Edit it, then: bin/ops preview --stack {{.Stack}}
{{template "reach" .}}
{{- if .Adopted}}{{.Adopted.Sections}}{{else if .Article}}    # The article's cluster, to the letter: its software, user and places, and property
    # files that hold its lines and no others. docs/article.md says what that costs.
    zookeeper:
      user: fams
      configDir: /home/fams/kafka_2.10-0.8.2.1/config
      dataDir: /home/fams/zk_data
      plain: true
      {{- if not .Own}}
      heap: 256m
      jvmOptions: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
      {{- end}}
    kafka:
      version: 0.8.2.1
      user: fams
      configDir: /home/fams/kafka_2.10-0.8.2.1/config
      dataDir: /home/fams/kafka-logs
      plain: true
      {{- if not .Own}}
      heap: 512m
      jvmOptions: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
      {{- end}}
{{else if .Own}}    zookeeper: {}
    kafka: {}
{{else}}    # Small, and quick to start. Leave jvmOptions out to measure throughput.
    zookeeper: {heap: 256m, jvmOptions: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"}
    kafka: {heap: 512m, jvmOptions: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"}
{{end}}
{{- if not .Adopted}}    topics:
      - {name: user-behavior-topic, partitions: 3}
    jobs:
      - {name: producer, kind: producer, machine: {{yaml .First}}, topic: user-behavior-topic}
      - {name: popularity, kind: popularity, machine: {{yaml .Second}}, topic: user-behavior-topic}
{{end}}`))

// scalar writes a text as one YAML value on one line.
func scalar(text string) (string, error) {
	node := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
	if strings.ContainsAny(text, ",[]{}\n") {
		node.Style = yaml.DoubleQuotedStyle // plain texts end at these inside {...}
	}
	out, err := yaml.Marshal(&node)
	return strings.TrimSpace(string(out)), err
}

// machineFlag reads name=user@address, of which only the address must be there:
// one without a name is given one.
func machineFlag(index int, name, text string) stack.Machine {
	label, address, named := strings.Cut(text, "=")
	if !named {
		label, address = fmt.Sprintf("%s-%d", name, index+1), text
	}
	user, at, ok := strings.Cut(address, "@")
	if !ok {
		user, at = "", address
	}
	return stack.Machine{Name: cmp.Or(label, name), Address: at, User: user}
}
