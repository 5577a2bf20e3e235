package runlog

import "weir/provision/rollout"

// Gates returns an observer that writes what is worth telling of a roll: the end
// of each wait, and each new reason to go on waiting.
func Gates(write func(Entry)) func(rollout.Event) {
	reason := ""
	return func(ev rollout.Event) {
		g := Gate{Machine: ev.Machine, Gate: ev.Step, Phase: ev.Phase, Seconds: Seconds(ev.Took)}
		if ev.Err != nil {
			g.Reason = ev.Err.Error()
		}
		switch {
		case ev.Step == rollout.Switch || ev.Phase == rollout.Started, ev.Phase == rollout.Waiting && g.Reason == reason:
			return
		case ev.Phase == rollout.Waiting:
			reason = g.Reason
		default:
			reason = "" // the next gate's reasons are its own
		}
		write(Entry{Gate: &g})
	}
}
