package testenv

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// Machine is a machine that runs and answers on SSH, for root and for the user
// ops, who may do everything through sudo; both come in with PrivateKeyFile.
type Machine struct {
	Stack, Name string
	// Address is the machine's own, with sshd on port 22.
	Address string
	// HostKey is its public key, as one line of authorized_keys without comment.
	HostKey string
	// PrivateKeyFile, KnownHosts and SSHConfig are paths in the keys directory.
	PrivateKeyFile, KnownHosts, SSHConfig string
	// Image is the reference that the container was made from.
	Image string
	// ContainerID is the engine's; another one means another disk.
	ContainerID string
}

// Ensure makes the machine, or adopts it in whatever state it is, and returns
// once it answers on SSH and has booted. progress, which may be nil, hears what
// takes time.
//
// The error is ErrNoEngine, a ForeignError when a container or network of the
// name is not this Spec's, a BootError when the machine does not come up, or
// says what is wrong with the Spec; a Spec that is wrong changes nothing.
func Ensure(ctx context.Context, s Spec, progress func(string)) (Machine, error) {
	where, err := s.parse()
	if err != nil {
		return Machine{}, err
	}
	d, err := distributionOf(s.Distribution)
	if err != nil {
		return Machine{}, fmt.Errorf("machine %s: %w", s.Name, err)
	}
	e, err := open(ctx)
	if err != nil {
		return Machine{}, fmt.Errorf("machine %s: %w", s.Name, err)
	}
	defer e.close()
	image, err := e.ensureImage(ctx, d, progress)
	if err != nil {
		return Machine{}, fmt.Errorf("machine %s: %w", s.Name, err)
	}
	found, k, err := e.settle(ctx, s, where, image)
	if err != nil {
		return Machine{}, fmt.Errorf("machine %s: %w", s.Name, err)
	}
	if err := e.boot(ctx, s, where, found, k, progress); err != nil {
		return Machine{}, fmt.Errorf("machine %s: %w", s.Name, err)
	}
	return s.machine(found, k), nil
}

func (s Spec) machine(c container.InspectResponse, k keys) Machine {
	return Machine{
		Stack: s.Stack, Name: s.Name, Address: s.Address,
		HostKey:        withoutComment(k.host.authorized),
		PrivateKeyFile: filepath.Join(s.KeysDir, clientKeyFile),
		KnownHosts:     filepath.Join(s.KeysDir, knownHostsFile),
		SSHConfig:      filepath.Join(s.KeysDir, sshConfigFile),
		Image:          c.Config.Image,
		ContainerID:    c.ID,
	}
}

// settle returns the machine's container in its stack's network, made where
// there was none. It is what two runs must not do at once, and is quick.
func (e *engine) settle(ctx context.Context, s Spec, where place, image string) (container.InspectResponse, keys, error) {
	none := container.InspectResponse{}
	release, err := lock(ctx, "stack-"+s.Stack)
	if err != nil {
		return none, keys{}, err
	}
	defer release()
	found, err := e.adopt(ctx, s, where)
	if err != nil {
		return none, keys{}, err
	}
	k, err := prepareKeys(s, where)
	if err != nil {
		return none, keys{}, err
	}
	if err := e.ensureNetwork(ctx, s, where); err != nil {
		return none, keys{}, err
	}
	if found == nil {
		if err := e.vacant(ctx, s, where); err != nil {
			return none, keys{}, err
		}
		if found, err = e.create(ctx, s, where, image); err != nil {
			return none, keys{}, err
		}
	}
	return *found, k, e.reconnect(ctx, s, where, *found)
}

// adopt returns the machine's container, or nil when there is none or one that
// is half removed. A container that is somebody else's is an error.
func (e *engine) adopt(ctx context.Context, s Spec, where place) (*container.InspectResponse, error) {
	found, err := e.find(ctx, s.Stack, s.Name)
	if found == nil || err != nil {
		return nil, err
	}
	name := containerName(s.Stack, s.Name)
	endpoint := found.NetworkSettings.Networks[networkName(s.Stack)]
	if endpoint == nil {
		return nil, &ForeignError{"container", name, "is not in network " + networkName(s.Stack), "remove it"}
	}
	if at := fixedAddress(endpoint); at != where.address {
		return nil, &ForeignError{"container", name, fmt.Sprintf("has address %s, not %s", at, where.address),
			"remove the machine first, or give it its old address"}
	}
	if status := found.State.Status; status == container.StateDead || status == container.StateRemoving {
		return nil, e.removeContainer(ctx, found.ID)
	}
	return found, nil
}

// vacant says that no other machine of the stack has the address: a container
// stays what its name says, and only its removal, with all that is in it, makes
// the address free.
func (e *engine) vacant(ctx context.Context, s Spec, where place) error {
	all, err := e.containers(ctx, labelStack+"="+s.Stack)
	if err != nil {
		return err
	}
	for _, c := range all {
		name := containerName(s.Stack, c.Labels[labelMachine])
		if at := c.NetworkSettings.Networks[networkName(s.Stack)]; at != nil && fixedAddress(at) == where.address && name != containerName(s.Stack, s.Name) {
			return &ForeignError{"container", name, "has address " + where.address.String(),
				fmt.Sprintf("a container cannot be renamed; give %s another address, or leave it out until %s is removed", s.Name, c.Labels[labelMachine])}
		}
	}
	return nil
}

func fixedAddress(endpoint *network.EndpointSettings) netip.Addr {
	if endpoint.IPAMConfig == nil {
		return netip.Addr{}
	}
	return endpoint.IPAMConfig.IPv4Address
}

// find returns the machine's container whatever its state, nil when there is
// none, and a ForeignError when the name is taken.
func (e *engine) find(ctx context.Context, stack, name string) (*container.InspectResponse, error) {
	full := containerName(stack, name)
	res, err := e.api.ContainerInspect(ctx, full, client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("inspect container %s: %w", full, err)
	}
	labels := res.Container.Config.Labels
	if labels[labelStack] != stack || labels[labelMachine] != name {
		return nil, &ForeignError{"container", full, "was not made by weir", "remove or rename it"}
	}
	return &res.Container, nil
}

func (e *engine) create(ctx context.Context, s Spec, where place, image string) (*container.InspectResponse, error) {
	_, err := e.tc.CreateContainer(ctx, testcontainers.ContainerRequest{
		Image:              image,
		Name:               containerName(s.Stack, s.Name),
		Labels:             withLabel(s.labels(), labelMachine, s.Name),
		Networks:           []string{networkName(s.Stack)},
		ConfigModifier:     s.configure,
		HostConfigModifier: func(h *container.HostConfig) { s.host(h, e.cgroupV2) },
		EndpointSettingsModifier: func(endpoints map[string]*network.EndpointSettings) {
			endpoints[networkName(s.Stack)] = where.endpoint()
		},
	})
	if err != nil && !errdefs.IsConflict(err) { // another user's run may have been faster
		return nil, fmt.Errorf("create container: %w", err)
	}
	found, err := e.adopt(ctx, s, where)
	if err == nil && found == nil {
		err = fmt.Errorf("container %s was removed while it was being made", containerName(s.Stack, s.Name))
	}
	return found, err
}

func (where place) endpoint() *network.EndpointSettings {
	return &network.EndpointSettings{IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: where.address}}
}

// reconnect puts a stopped container into the stack's network again when that
// was removed and made anew in the meantime (docker network prune does so).
func (e *engine) reconnect(ctx context.Context, s Spec, where place, c container.InspectResponse) error {
	name := networkName(s.Stack)
	current, err := e.findNetwork(ctx, name)
	if err != nil || current == nil || c.State.Running {
		return err
	}
	if id := c.NetworkSettings.Networks[name].NetworkID; id == current.ID || id == "" { // "": never started
		return nil
	}
	_, err = e.api.NetworkDisconnect(ctx, name, client.NetworkDisconnectOptions{Container: c.ID, Force: true})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("leave the network that is gone: %w", err)
	}
	_, err = e.api.NetworkConnect(ctx, current.ID, client.NetworkConnectOptions{Container: c.ID, EndpointConfig: where.endpoint()})
	if err != nil {
		return fmt.Errorf("join network %s again: %w", name, err)
	}
	return nil
}

// stopTimeout is what a stopping machine gets before it is killed: a broker
// hands over its leaderships first.
const stopTimeout = time.Minute

// configure sets what systemd as the first process needs.
func (s Spec) configure(c *container.Config) {
	c.Hostname = s.Name
	c.Tty = true // systemd writes its console there
	c.StopSignal = "SIGRTMIN+3"
	seconds := int(stopTimeout.Seconds())
	c.StopTimeout = &seconds
}

// host sets a container's rights and limits. Not "privileged": that also takes
// the computer's devices, and fails where root itself lacks a capability.
func (s Spec) host(h *container.HostConfig, cgroupV2 bool) {
	h.NetworkMode = container.NetworkMode(networkName(s.Stack))
	h.CapAdd = []string{"SYS_ADMIN", "NET_ADMIN"} // mounts and units; cutting networks
	h.SecurityOpt = []string{"seccomp=unconfined", "apparmor=unconfined"}
	h.Tmpfs = map[string]string{
		"/run":      "",
		"/run/lock": "",
		"/tmp":      "exec,mode=1777", // the engine's default is noexec, a server's is not
	}
	// systemd makes its groups below the container's own, which it finds only
	// when it sees the computer's tree. In version 1 the trees of the
	// controllers are mounts below the bound one and stay writable.
	h.CgroupnsMode = container.CgroupnsModeHost
	h.Binds = []string{"/sys/fs/cgroup:/sys/fs/cgroup:ro"}
	if cgroupV2 {
		h.Binds = []string{"/sys/fs/cgroup:/sys/fs/cgroup:rw"}
	}
	// After a reboot of the computer machines stay down until somebody wants
	// them: a cluster takes gigabytes, and Ensure starts them in seconds.
	h.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyDisabled}
	h.Memory = int64(s.MemoryMB) << 20
	h.MemorySwap = h.Memory // no swap on top
	noInit := false
	h.Init = &noInit // systemd is the first process even where the engine's default is another
}
