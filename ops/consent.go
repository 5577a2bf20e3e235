package main

import (
	"errors"
	"fmt"
)

// consent asks before something is changed; what says what will be, as a
// sentence without its end. Without a terminal it must have been given.
func (a *app) consent(verb, what string, yes bool) error {
	switch {
	case yes:
		return nil
	case !a.console.Interactive:
		return usageError{fmt.Errorf("%s: %s; there is no terminal to ask on, so say it with --yes", verb, what)}
	}
	answer, err := a.console.Ask(what + "? Type yes:")
	if err != nil {
		return err
	}
	if answer != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}
