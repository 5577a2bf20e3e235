package main

import (
	"fmt"
	"os"

	"weir/provision/inventory"
	"weir/provision/remote"
)

// passphraseTries is how often a person may mistype.
const passphraseTries = 3

// unlock asks for the passphrase of an encrypted private key that nothing else
// opens, and puts it into the environment: the engine and the provider, which
// are started from here, log in too. It is written to no file and no state.
// Without a terminal nothing is asked, and the connection says what is missing.
func (a *app) unlock(machines []inventory.Machine) error {
	if !a.console.Interactive {
		return nil
	}
	for _, m := range machines {
		if file := m.Host.NeedsPassphrase(); file != "" {
			if err := a.askPassphrase(file); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *app) askPassphrase(file string) error {
	for range passphraseTries {
		answer, err := a.console.AskHidden(fmt.Sprintf("Passphrase of %s:", relative(file)))
		if err != nil {
			return err
		}
		if remote.Opens(file, answer) {
			return os.Setenv(remote.PassphraseVariable, answer)
		}
		a.console.Note("that does not open it")
	}
	return usageError{fmt.Errorf("%s was not opened; load it into an agent (ssh-add) and set ssh.agent, or set the secret weir:sshPassphrase", relative(file))}
}
